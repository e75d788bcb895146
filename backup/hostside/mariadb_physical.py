"""Back a whole MariaDB server up as its files, with sums over every row of the very moment that the copy is of.

mariadb-backup holds all commits for a moment at its end: that moment is what a prepared copy shows. While it holds
them, a snapshot is opened from which the rows are summed up afterwards; it is made to wait by not taking its data.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backup.hostside import mariadb, mariadb_backup, memory, piped, programs

_NEAR = b"BACKUP STAGE FLUSH"
_HELD = b"Acquired locks for BACKUP STAGE BLOCK_COMMIT"
_OVER = b"Executing BACKUP STAGE END"
_SMALL = 4096  # bytes: inside its moment it writes several times as much, and says as much before
_LINES = 512  # bytes of what it says that are read at a time
_DONE = b"completed OK!"


def backup(  # one server's whole description, sent as JSON
    *, where: list[str], timezone: str, call: Mapping[str, Any], remembered: str = ""
) -> dict[str, Any]:
    """{facts, done, figures}: `where` are the words by which MariaDB's programs reach the server."""
    done, facts = piped.saved(call, lambda out: _stream(out, where, timezone))
    rows = {name: table["rows"] for name, table in facts.get("tables", {}).items()}
    return {"facts": facts, "done": done, "figures": memory.of_rows(remembered, rows, saved=done["code"] == 0)}


def _stream(out: int, where: Sequence[str], timezone: str) -> dict[str, Any]:
    reader = mariadb.Session(where)
    argv = ["mariadb-backup", *where, "--backup", "--stream=mbstream"]
    try:
        mariadb.ready(reader)
        copy = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/tmp",  # noqa: S108 # it may name a folder there, and writes nothing into it
            preexec_fn=programs.die_with_parent,  # noqa: PLW1509 # this process has one thread
        )
        said = Pump(copy, out, lambda: reader.tell(mariadb.SNAPSHOT)).run()
        if copy.wait() or _DONE not in said:
            raise RuntimeError(f"mariadb-backup: exit {copy.returncode}: {_why(said)}")
        return mariadb.facts(reader, mariadb.databases(reader), timezone)
    finally:
        reader.close()


def _why(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines() or ["no output"]
    return next((line for line in lines if "rror" in line), lines[-1])[:300]


class Pump:
    """Hands the copy on, and always reads first what mariadb-backup says."""

    def __init__(self, copy: subprocess.Popen[bytes], out: int, held: Callable[[], object]) -> None:
        assert copy.stdout and copy.stderr  # noqa: S101, PT018 # Popen was given PIPE
        self._data, self._err, self._out, self._held = copy.stdout.fileno(), copy.stderr.fileno(), out, held
        self._said, self._size, self._taken = b"", mariadb_backup.CHUNK, False
        self.bytes = 0  # handed on

    def run(self) -> bytes:
        """All that it said. RuntimeError when its moment could not be used."""
        self._resize(mariadb_backup.CHUNK)
        fcntl.fcntl(self._err, fcntl.F_SETPIPE_SZ, _SMALL)
        poll = select.poll()
        pipes = {self._data, self._err}
        for pipe in pipes:
            poll.register(pipe, select.POLLIN)
        while pipes:
            ready = {pipe for pipe, _ in poll.poll()}
            pipe = self._err if self._err in ready else self._data
            if not (self._listen() if pipe == self._err else self._hand_on()):
                poll.unregister(pipe)
                pipes.discard(pipe)
        if not self._taken and _DONE in self._said:
            raise RuntimeError("mariadb-backup does not say when it holds commits: MariaDB 10.11 or newer is needed")
        return self._said

    def _hand_on(self) -> bool:
        data = os.read(self._data, self._size)
        mariadb_backup.put(self._out, data)
        self.bytes += len(data)
        return bool(data)

    def _listen(self) -> bool:
        more = os.read(self._err, _LINES)
        self._said += more
        if not self._taken and _HELD in self._said:
            self._held()
            self._taken = True
            while select.select([self._err], [], [], 0)[0] and (after := os.read(self._err, 1 << 16)):
                self._said += after
            if _OVER in self._said:  # it did not wait for us
                raise RuntimeError("the moment at which mariadb-backup holds commits was missed; the next run may not")
            self._resize(mariadb_backup.CHUNK)
        elif not self._taken and self._size > _SMALL and _NEAR in self._said:
            # It says more than a small pipe takes until its moment comes, so it waits for us here.
            while not self._resize(_SMALL):
                self._hand_on()
        return bool(more)

    def _resize(self, size: int) -> bool:
        """Whether the pipe of its data now holds so many bytes at most; it cannot while more lie in it."""
        try:
            fcntl.fcntl(self._data, fcntl.F_SETPIPE_SZ, size)
        except OSError:
            return False
        self._size = size
        return True
