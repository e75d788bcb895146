"""Which workers live. A worker beats; one that is not seen to beat for a while is dead, and its runs go to others.

No clocks are compared: the beat is a counter, and every observer counts, by its own monotonic clock, how long it has
not moved. A worker that cannot beat stops its runs before anybody else may take them (`GIVE_UP` < `DEAD`). On the same
machine a dead worker is known at once: the lock on its file is free.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.runs import audit, outbox
from ops.runs.model import RunState
from ops.runs.namefile import NameFile
from ops.system.database import Database, Row, Transaction

BEAT = 1.0  # seconds between beats
GIVE_UP = 5.0  # without a beat that was kept, a worker stops its runs
DEAD = 10.0  # seconds without a beat after which others take its runs over
MACHINE_VARIABLE = "OPS_MACHINE"  # says that this is another machine: for tests of several on one


def clock() -> float:
    """Seconds that also pass while the machine sleeps, the same in all processes of this machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """This process as an executor. Unique: a second process with the same name is refused.

    `lost`: the runs of this worker must end; it may take up work again. `knows`: kinds of jobs and their versions.
    Any thread may ask whether it is `good`; one beats.
    """

    def __init__(self, database: Database, folder: Path, name: str, slots: int) -> None:
        self.id, self.slots = name, slots
        self.knows: Mapping[str, Sequence[int]] = {}
        self.lost = True
        self._database, self._place = database, place(folder)
        self._name_file = NameFile(folder / f"{name}.lock")
        self._kept = self._born = 0.0
        self._writing = threading.Lock()

    def claim_file(self) -> None:
        """Be the only process of this name here. OpsError when another one has it."""
        if not self._name_file.hold():
            raise OpsError(f"a worker named {self.id} runs already", "give this one another name: --name")

    def take(self) -> None:
        """Take up work under this name; what an earlier process of this name held goes back to the queue.

        OpsError when a worker of this name lives on another machine; that takes DEAD seconds to find out.
        """
        self._not_elsewhere()
        with self._writing:
            begun = clock()
            with self._database.write() as tx:
                release(tx, self.id, "restarted")
                self._born = tx.now()
                tx.do(
                    """INSERT INTO executor (id, host, place, pid, beat, slots, started, seen, knows)
                       VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)""",
                    self.id, host(), self._place, os.getpid(), self.slots, self._born, self._born,
                    json.dumps({kind: list(versions) for kind, versions in self.knows.items()}),
                )  # fmt: skip
            self._kept, self.lost = begun, False

    def beat(self) -> None:
        """Say that this worker lives. Sets `lost` when it is too late for that."""
        with self._writing:
            begun = clock()
            if not self.good:
                return
            with self._database.write(quiet=True) as tx:
                if not tx.do(
                    "UPDATE executor SET beat = beat + 1, seen = ? WHERE id = ? AND started = ?",
                    tx.now(), self.id, self._born,
                ):  # fmt: skip
                    self.lost = True
                    return
            self._kept = begun

    @property
    def good(self) -> bool:
        """Whether the runs of this worker may go on. Once they may not, they never may again."""
        if clock() >= self.until:
            self.lost = True
        return not self.lost

    @property
    def until(self) -> float:
        """Until when (`clock`) they may without another beat."""
        return self._kept + GIVE_UP

    def leave(self) -> None:
        """Go in order: what still runs is left to others at once."""
        with self._writing, self._database.write() as tx:
            if _row(tx, self.id, self._born):
                release(tx, self.id, "left")
        self._name_file.give_up()

    def _not_elsewhere(self) -> None:
        end = time.monotonic() + DEAD
        seen: Row | None = None
        while time.monotonic() < end:
            with self._database.read() as tx:
                row = tx.one("SELECT host, place, beat FROM executor WHERE id = ?", self.id)
            if row is None or row["place"] == self._place:  # of an earlier process here: it does not hold the file
                return
            if seen and seen["beat"] != row["beat"]:
                raise OpsError(
                    f"a worker named {self.id} runs already, on {row['host']}", "give this one another name: --name"
                )
            seen = seen or row
            time.sleep(BEAT / 2)


@dataclass(frozen=True, slots=True)
class Dead:
    """A worker that was found dead. `here`: its processes, if there are any left, are on this machine."""

    id: str
    beat: int | None  # None: nobody knows such a worker any more, but runs are marked as its
    started: float | None
    here: bool


class Observer:
    """Watches the others' beats and takes the dead ones' runs from them."""

    def __init__(self, database: Database, folder: Path, own: str) -> None:
        self._database, self._folder, self._own = database, folder, own
        self._seen: dict[str, tuple[tuple[float, int], float]] = {}  # executor → its beat, and when it was first seen

    def dead(self) -> list[Dead]:
        now = time.monotonic()  # before looking: a pause in between must not count against the others
        with self._database.read() as tx:
            rows = tx.all("SELECT id, place, beat, started FROM executor WHERE id <> ?", self._own)
            nobodys = tx.all(
                """SELECT DISTINCT COALESCE(r.owner, r.pin) AS id FROM run r WHERE r.state IN ('running', 'waiting')
                   AND COALESCE(r.owner, r.pin) IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM executor e WHERE e.id = COALESCE(r.owner, r.pin))"""
            )
        found = [Dead(row["id"], None, None, here=False) for row in nobodys]
        fresh: dict[str, tuple[tuple[float, int], float]] = {}
        for row in rows:
            state = (float(row["started"]), int(row["beat"]))
            before, since = self._seen.get(row["id"], (None, now))
            fresh[row["id"]] = (state, since if before == state else now)
            here = str(row["place"]).startswith(f"{machine()}:")
            if now - fresh[row["id"]][1] >= DEAD or (here and self._file(row["id"]).free()):
                found.append(Dead(row["id"], state[1], state[0], here))
        self._seen = fresh
        return found

    @contextmanager
    def burying(self, dead: Dead) -> Iterator[bool]:
        """Whether it is on us to bury it. Meanwhile nobody on this machine takes its name, or buries it too."""
        if not dead.here:
            yield True
            return
        with self._file(dead.id).burial() as ours:
            yield ours and self._unchanged(dead)

    def runs_of(self, executor: str) -> list[str]:
        with self._database.read() as tx:
            return [str(row["id"]) for row in tx.all("SELECT id FROM run WHERE owner = ?", executor)]

    def bury(self, dead: Dead) -> int:
        """Give its runs back to the queue; they keep their locks until they go on. How many there were.

        Nothing happens when it has been seen alive meanwhile.
        """
        with self._database.write() as tx:
            if dead.started is None or dead.beat is None:
                stands = not tx.one("SELECT 1 AS one FROM executor WHERE id = ?", dead.id)
            else:
                stands = _row(tx, dead.id, dead.started, dead.beat)
            return release(tx, dead.id, "died") if stands else 0

    def _unchanged(self, dead: Dead) -> bool:
        with self._database.read() as tx:
            return _row(tx, dead.id, dead.started or 0.0, dead.beat)

    def _file(self, executor: str) -> NameFile:
        return NameFile(self._folder / f"{executor}.lock")


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


def _row(tx: Transaction, executor: str, started: float, beat: int | None = None) -> bool:
    row = tx.one("SELECT started, beat FROM executor WHERE id = ?", executor)
    return row is not None and row["started"] == started and beat in {None, row["beat"]}


def _end(tx: Transaction, run: str, cancel_by: str | None) -> None:
    state = RunState.CANCELLED if cancel_by else RunState.FAILED
    what = f"cancelled by {cancel_by}" if cancel_by else "interrupted: the command that ran it ended"
    error = {"what": what, "next_step": f"ops jobs retry {run} goes on where it was", "exit_code": 130}
    tx.do(
        "UPDATE run SET state = ?, ended = ?, owner = NULL, token = token + 1, error = ? WHERE id = ?",
        state, tx.now(), audit.canonical(error), run,
    )  # fmt: skip
    if state is RunState.FAILED:
        outbox.put(tx, run, state, error)
    tx.do("DELETE FROM lock WHERE run = ?", run)
    audit.add(tx, "ops", state, run, {"error": what})


def place(folder: Path) -> str:
    """Where a worker's processes and its files are."""
    return f"{machine()}:{folder.resolve()}"


def machine() -> str:
    """This machine since it was started: a name that no copy of it has too."""
    return os.environ.get(MACHINE_VARIABLE) or Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def host() -> str:
    return platform.node()
