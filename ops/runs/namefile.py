"""The file that the one process of a name holds locked. The kernel frees it, however that process ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_BURIAL = "burial\n"
_A_LOOK = 1.0  # seconds; somebody who only looks holds it shorter
_LONGEST_BURIAL = 60.0
_AGAIN = 0.05


class NameFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: IO[str] | None = None

    def hold(self, patience: float = _A_LOOK) -> bool:
        """Be the one who has it. False when another process has, for longer than `patience` seconds or a burial."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        begun = time.monotonic()
        while (held := self._lock()) is None:
            waited = time.monotonic() - begun
            if waited >= (_LONGEST_BURIAL if self._is_burial() else patience):
                return False
            time.sleep(_AGAIN)
        _write(held, f"{os.getpid()}\n")
        self._held = held
        return True

    def free(self) -> bool:
        """Whether the process that had it is gone. False when there is no such file: then nothing is known of it."""
        if not self._path.exists() or (held := self._lock()) is None:
            return False
        held.close()
        return True

    @contextmanager
    def burial(self) -> Iterator[bool]:
        """Whether it is on us to bury the process that has it, or had it. Only one process does; nobody takes the name.

        A process that is only paused goes on having it.
        """
        turn = NameFile(self._path.with_suffix(".burial"))
        if not turn.hold(patience=0):
            yield False
            return
        held = self._lock()
        try:
            if held:
                _write(held, _BURIAL)
            yield True
            if held:
                self._path.unlink(missing_ok=True)
        finally:
            if held:
                held.close()
            turn.give_up()

    def give_up(self) -> None:
        if self._held:
            self._path.unlink(missing_ok=True)
            self._held.close()
        self._held = None

    def _lock(self) -> IO[str] | None:
        """The file, locked; None when another process has it."""
        while True:
            file = self._path.open("a+", encoding="ascii")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return None
            if self._is(file):
                return file
            file.close()  # it was removed after we opened it: who locks that has locked nothing

    def _is(self, file: IO[str]) -> bool:
        mine = os.fstat(file.fileno())
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        return (mine.st_dev, mine.st_ino) == (now.st_dev, now.st_ino)

    def _is_burial(self) -> bool:
        try:
            return self._path.read_text("ascii") == _BURIAL
        except OSError:
            return False


def _write(file: IO[str], text: str) -> None:
    file.truncate(0)
    file.write(text)
    file.flush()
