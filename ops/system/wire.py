"""How two Python processes of our own talk: lines of JSON over a socket pair."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
from threading import Lock
from typing import Any

Message = dict[str, Any]
_CHUNK = 1 << 18  # bytes
_PATIENCE = struct.pack("ll", 30, 0)  # seconds that the other side may take to make room for what is sent


class Wire:
    """One end. Any thread may send; one thread reads."""

    def __init__(self, end: socket.socket) -> None:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _PATIENCE)
        self._end = end
        self._rest = bytearray()
        self._sending = Lock()
        self._torn = False
        self._closed = False
        self._looker = select.poll()  # select(2) knows no descriptor beyond 1023
        self._looker.register(end, select.POLLIN)

    @classmethod
    def pair(cls) -> tuple[Wire, socket.socket]:
        """One end, and the socket of the other one for another process."""
        ours, theirs = socket.socketpair()
        return cls(ours), theirs

    @classmethod
    def inherited(cls, descriptor: int) -> Wire:
        """What this process starts does not inherit it: it is at its end when this process is."""
        os.set_inheritable(descriptor, False)
        return cls(socket.socket(fileno=descriptor))

    def send(self, message: Message) -> bool:
        """False when the other side is gone, or reads no more."""
        line = json.dumps(message, default=str).encode("ascii") + b"\n"
        with self._sending:
            if self._closed:
                return False
            if self._torn:  # a signal broke a line off: the next one begins anew
                line = b"\n" + line
            self._torn = True
            try:
                self._end.sendall(line)
            except OSError:
                self._shut()
                return False
            self._torn = False
        return True

    def read(self, seconds: float) -> list[Message] | None:
        """What came within `seconds`, perhaps nothing; None when the other side is gone. A torn line is left out."""
        if not self._looker.poll(seconds * 1000):
            return []
        try:
            chunk = self._end.recv(_CHUNK)
        except OSError:
            return None
        if not chunk:
            return None
        self._rest += chunk
        if b"\n" not in chunk:
            return []
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        return [message for line in lines if (message := _decoded(line))]

    def close(self) -> None:
        with self._sending:
            self._closed = True
            self._end.close()

    def _shut(self) -> None:
        """Let the other side see that nothing comes any more."""
        try:
            self._end.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def _decoded(line: bytearray) -> Message | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
