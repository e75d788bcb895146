"""Asterisk's control socket: many console commands over one connection, where `asterisk -rx` costs a process each.

Standard library only: this also runs on the exchange (role pbx). A command that Asterisk does not know ends each
batch; what it says of that one marks the end, and the heads between answers are marked the same way.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

_MARK = "kominfo_mark"
_SAID = f"No such command '{_MARK}"
_ENOUGH = 65536


class NoAnswerError(Exception):
    """Nothing listens there, or it stopped answering."""


class Console:
    """Use as a function: commands → answers. `path`: the socket · `patience`: seconds without a byte."""

    def __init__(self, path: str, patience: float = 60.0) -> None:
        self.path, self.patience = path, patience

    def __call__(self, commands: Sequence[str]) -> list[str]:
        """What each command answered. NoAnswerError when Asterisk is not there or falls silent."""
        if not commands:
            return []
        try:
            with socket.socket(socket.AF_UNIX) as door:
                door.settimeout(self.patience)
                door.connect(self.path)
                return self._batches(door, commands)
        except OSError as error:
            raise NoAnswerError(f"{self.path}: {error.strerror or 'no answer'}") from None

    def one(self, command: str) -> str:
        return self([command])[0]

    def wait(self, seconds: float, alive: object = None) -> None:
        """Until it has booted fully. NoAnswerError when that takes longer, or the process `alive` (a Popen) ends."""
        end = time.monotonic() + seconds
        while True:
            try:
                if "fully booted" in self.one("core waitfullybooted"):
                    return
            except NoAnswerError:
                if time.monotonic() > end or (alive is not None and alive.poll() is not None):  # type: ignore[attr-defined] # a Popen
                    raise
            time.sleep(0.02)

    def _batches(self, door: socket.socket, commands: Sequence[str]) -> list[str]:
        """Some at a time: a socket buffer that both sides wait for would be the end of it."""
        answers: list[str] = []
        self._until(door, b"\n", 1)  # its greeting
        for at in range(0, len(commands), 50):
            part = commands[at : at + 50]
            door.sendall(b"".join(f"{command}\0{_MARK}\0".encode() for command in part))
            answers += self._answers(door, len(part))
        return answers

    def _answers(self, door: socket.socket, count: int) -> list[str]:
        text = self._until(door, _SAID.encode(), count).decode(errors="replace").replace("\0", "")
        parts = text.split(_SAID)
        # what follows a mark on its own line belongs to it
        return [parts[0], *(part.partition("\n")[2] for part in parts[1:count])]

    def _until(self, door: socket.socket, mark: bytes, count: int) -> bytes:
        """Read until the mark stood there that often, and to the end of its line."""
        found = bytearray()
        while found.count(mark) < count or not found.rstrip(b"\0").endswith(b"\n"):
            some = door.recv(_ENOUGH)
            if not some:
                raise NoAnswerError(f"{self.path}: the connection ended")
            found += some
        return bytes(found)
