"""A Python process of our own beside this one, and how the two talk: lines of JSON over a socket pair."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

Message = dict[str, Any]


class Wire:
    """One end. Any thread may send; one thread reads."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._rest = bytearray()
        self._sending = Lock()

    @classmethod
    def inherited(cls, descriptor: int) -> Wire:
        return cls(socket.socket(fileno=descriptor))

    def send(self, message: Message) -> bool:
        """False when the other side is gone."""
        line = json.dumps(message, ensure_ascii=False, default=str).encode() + b"\n"
        try:
            with self._sending:
                self._end.sendall(line)
        except OSError:
            return False
        return True

    def read(self, seconds: float) -> list[Message] | None:
        """What came within `seconds`, perhaps nothing; None when the other side is gone."""
        if not select.select([self._end], [], [], seconds)[0]:
            return []
        try:
            chunk = self._end.recv(1 << 20)
        except OSError:
            return None
        if not chunk:
            return None
        self._rest += chunk
        *lines, rest = bytes(self._rest).split(b"\n") if b"\n" in chunk else [bytes(self._rest)]
        self._rest = bytearray(rest)
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        self._end.close()


class Child:
    """The process at the other end, in a session of its own. `started`: monotonic seconds."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.started = time.monotonic()

    def terminate(self) -> None:
        self._process.terminate()

    def ended(self, seconds: float) -> bool:
        """Whether it ends within `seconds`; it is reaped then."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def spawn(module: str, log: Path, env: Mapping[str, str]) -> tuple[Wire, Child]:
    """Start `python -m module DESCRIPTOR`; the descriptor is its end of the wire. What else it writes goes to `log`."""
    ours, theirs = socket.socketpair()
    with theirs, open(log, "ab", opener=_private) as file:  # Path.open takes no opener
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno())],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, pass_fds=[theirs.fileno()],
            env={**os.environ, **env},
        )  # fmt: skip
    return Wire(ours), Child(process)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
