"""Which workers live. A worker beats; one that is not seen to beat for a while is dead, and its runs go to others.

No clocks are compared: the beat is a counter, and every observer counts, by its own monotonic clock, how long it has
not moved. A worker that cannot beat stops its runs before anybody else may take them (`GIVE_UP` < `DEAD`). On the same
machine a dead worker is known at once: the lock on its file is free.
"""

from __future__ import annotations

import fcntl
import os
import platform
import time
from pathlib import Path
from typing import IO

from ops.errors import OpsError
from ops.runs import audit
from ops.runs.model import RunState
from ops.system.database import Database, Transaction

BEAT = 1.0  # seconds between beats
GIVE_UP = 5.0  # without a beat that was kept, a worker stops its runs
DEAD = 10.0  # seconds without a beat after which others take its runs over


class Lease:
    """This process as an executor. Unique: a second process with the same name is refused.

    `lost`: taken for dead by others; this process may not go on under this name.
    """

    def __init__(self, database: Database, folder: Path, name: str, slots: int) -> None:
        self.id, self.slots = name, slots
        self._database, self._folder = database, folder
        self._file: IO[str] | None = None
        self._kept = self._next = 0.0
        self.lost = False

    def claim_file(self) -> None:
        """Be the only process of this name here. OpsError when another one has it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = (self._folder / f"{self.id}.lock").open("w", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OpsError(f"a worker named {self.id} runs already", "give this one another name: --name") from None

    def take(self) -> None:
        """Take up work under this name; what an earlier process of this name held goes back to the queue."""
        with self._database.write() as tx:
            release(tx, self.id, "restarted")  # what an earlier process of this name held
            tx.do(
                "INSERT INTO executor (id, host, pid, beat, slots, started, seen) VALUES (?, ?, ?, 0, ?, ?, ?)",
                self.id, host(), os.getpid(), self.slots, tx.now(), tx.now(),
            )  # fmt: skip
        self._kept = time.monotonic()

    def beat(self) -> None:
        """Beat when it is time to. Sets `lost` when others have taken this worker for dead."""
        begun = time.monotonic()
        if begun < self._next:
            return
        with self._database.write() as tx:
            if not tx.do("UPDATE executor SET beat = beat + 1, seen = ? WHERE id = ?", tx.now(), self.id):
                self.lost = True
                return
        self._kept, self._next = begun, begun + BEAT

    @property
    def good(self) -> bool:
        """Whether the runs of this worker may go on."""
        return not self.lost and time.monotonic() - self._kept < GIVE_UP

    def leave(self) -> None:
        """Go in order: what still runs is left to others at once."""
        with self._database.write() as tx:
            release(tx, self.id, "left")
        if self._file:
            self._file.close()
            (self._folder / f"{self.id}.lock").unlink(missing_ok=True)


class Observer:
    """Watches the others' beats and takes the dead ones' runs from them."""

    def __init__(self, database: Database, folder: Path, own: str) -> None:
        self._database, self._folder, self._own = database, folder, own
        self._seen: dict[str, tuple[int, float]] = {}  # executor → its beat, and when it was first seen

    def dead(self) -> list[tuple[str, str]]:
        """Workers that are dead, with the name of the machine they ran on."""
        with self._database.read() as tx:
            rows = tx.all("SELECT id, host, beat FROM executor WHERE id <> ?", self._own)
        now = time.monotonic()
        found = []
        for row in rows:
            beat, since = self._seen.get(row["id"], (None, now))
            if beat != row["beat"]:
                self._seen[row["id"]] = (row["beat"], since := now)
            if now - since >= DEAD or (row["host"] == host() and self._gone(row["id"])):
                found.append((str(row["id"]), str(row["host"])))
        self._seen = {row["id"]: self._seen[row["id"]] for row in rows if row["id"] in self._seen}
        return found

    def runs_of(self, executor: str) -> list[str]:
        with self._database.read() as tx:
            return [str(row["id"]) for row in tx.all("SELECT id FROM run WHERE owner = ?", executor)]

    def bury(self, executor: str) -> int:
        """Give its runs back to the queue; they keep their locks until they go on. How many there were."""
        with self._database.write() as tx:
            return release(tx, executor, "died")

    def _gone(self, executor: str) -> bool:
        """Whether a worker of this machine has died: nobody holds the lock on its file."""
        path = self._folder / f"{executor}.lock"
        try:
            with path.open("r", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            return False  # its state folder is another one: only its beat tells
        path.unlink(missing_ok=True)
        return True


def release(tx: Transaction, executor: str, why: str) -> int:
    """Take every run from an executor and forget it. A run that was pinned to it has failed: its command is gone."""
    owned = tx.all(
        "SELECT id, pin, cancel_by FROM run WHERE owner = ? OR (pin = ? AND state = 'waiting')", executor, executor
    )
    for row in owned:
        audit.add(tx, executor, f"worker {why}", row["id"], {})
        if row["pin"] or row["cancel_by"]:
            _end(tx, row["id"], row["cancel_by"])
        else:
            tx.do("UPDATE run SET state = 'waiting', owner = NULL, token = token + 1 WHERE id = ?", row["id"])
    tx.do("DELETE FROM executor WHERE id = ?", executor)
    return len(owned)


def _end(tx: Transaction, run: str, cancel_by: str | None) -> None:
    state = RunState.CANCELLED if cancel_by else RunState.FAILED
    what = f"cancelled by {cancel_by}" if cancel_by else "interrupted: the command that ran it ended"
    error = audit.canonical({"what": what, "next_step": f"ops jobs retry {run} goes on where it was", "exit_code": 130})
    tx.do(
        "UPDATE run SET state = ?, ended = ?, owner = NULL, token = token + 1, error = ? WHERE id = ?",
        state, tx.now(), error, run,
    )  # fmt: skip
    tx.do("DELETE FROM lock WHERE run = ?", run)
    audit.add(tx, "ops", state, run, {"error": what})


def host() -> str:
    return platform.node()
