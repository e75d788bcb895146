"""Proof that no audit row was removed from the end, and that the runs are what their audit rows say.

The chain of hashes alone does not show that its newest rows are gone. So each machine keeps a note of the newest row
that it has seen, in a file outside of the database; and each run has to have the audit rows that its state implies,
and each row that somebody asked for a run its run, unless that was forgotten after its time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ops.runs.approvals import changed
from ops.runs.audit import FORGOT
from ops.runs.queue import read_runs
from ops.system.database import Database, Row, Transaction

NOTE = "audit.head"
_EVERY = 5.0  # seconds between notes
_PART = 500
_NEEDED = (  # a run for which this holds has an audit row of this act
    ("it was asked for", "1 = 1", "'asked'"),
    ("it was started", "r.started IS NOT NULL", "'started', 'resumed'"),
    ("somebody wanted it cancelled", "r.cancel_by IS NOT NULL", "'asked to cancel'"),
    ("it was done", "r.state = 'done'", "'done'"),
    ("it failed", "r.state = 'failed'", "'failed'"),
    ("it was cancelled", "r.state = 'cancelled'", "'cancelled', 'asked to cancel'"),
    ("it was refused", "r.state = 'refused'", "'refused'"),
    ("it was approved", "r.hold IS NOT NULL AND r.started IS NOT NULL", "'approved'"),
)


def newest(database: Database) -> Row | None:
    """Number and hash of the newest audit row."""
    with database.read() as tx:
        return tx.one("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")


class Note:
    """Keeps `<state>/audit.head` up to date. What was lost before is never noted away."""

    def __init__(self, database: Database, state: Path) -> None:
        self._database, self._state = database, state
        self._next = 0.0

    def turn(self) -> list[str]:
        """Note the newest row now and then; what is wrong with what was noted before."""
        now = time.monotonic()
        if now < self._next:
            return []
        self._next = now + _EVERY
        found = lost(self._database, self._state)
        if not found and (row := newest(self._database)):
            _write(self._state / NOTE, json.dumps(row) + "\n")
        return found


def lost(database: Database, state: Path) -> list[str]:
    """Whether the audit row that was noted last is there no more, or another one."""
    try:
        noted = json.loads((state / NOTE).read_text(encoding="ascii"))
        seq, digest = int(noted["seq"]), str(noted["hash"])
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        return [f"{state / NOTE} is not as it was written"]
    with database.read() as tx:
        there = tx.one("SELECT hash FROM audit WHERE seq = ?", seq)
        oldest = tx.one("SELECT min(seq) AS seq FROM audit") or {"seq": None}
    if there is None and oldest["seq"] is not None and oldest["seq"] > seq:
        return []  # removed after its time, while this machine was off
    if there is None:
        return [f"audit rows up to {seq} were seen on this machine, the newest of them are missing"]
    return [] if there["hash"] == digest else [f"audit row {seq} is not the one that was seen on this machine"]


def contradictions(database: Database) -> list[str]:
    """Runs that are not what their audit rows say."""
    found = []
    with database.read() as tx:
        for what, condition, acts in _NEEDED:
            missing = tx.all(
                f"""SELECT r.id FROM run r WHERE {condition} AND NOT EXISTS
                (SELECT 1 FROM audit a WHERE a.run = r.id AND a.act IN ({acts})) ORDER BY r.id"""  # noqa: S608 # our own words
            )
            found += [f"run {row['id']}: {what}, but no audit row says so" for row in missing]
        found += [f"run {run}: it was asked for, but it is gone" for run in _gone(tx)]
    return [*found, *_changed(database)]


def _gone(tx: Transaction) -> list[str]:
    """Runs that were removed by other hands than those which forget what is old."""
    forgotten = [json.loads(row["about"])["before"] for row in tx.all("SELECT about FROM audit WHERE act = ?", FORGOT)]
    rows = tx.all(
        """SELECT a.run FROM audit a WHERE a.act = 'asked' AND a.at >= ?
           AND NOT EXISTS (SELECT 1 FROM run r WHERE r.id = a.run) ORDER BY a.seq""",
        max(forgotten, default=0.0),
    )  # fmt: skip
    return [row["run"] for row in rows]


def _changed(database: Database) -> Iterator[str]:
    last = ""
    while True:
        with database.read() as tx:
            runs = read_runs(tx, database.shared, "r.id > ? ORDER BY r.id LIMIT ?", last, _PART)
            rows = tx.all(
                "SELECT run, about FROM audit WHERE act = 'asked' AND run >= ? AND run <= ?",
                runs[0].id if runs else "", runs[-1].id if runs else "",
            )  # fmt: skip
        asked = {row["run"]: row["about"] for row in rows}
        for run in runs:
            if run.id in asked and (differs := changed(asked[run.id], run)):
                yield f"run {run.id} is not what was asked for: {', '.join(differs)}"
        if len(runs) < _PART:
            return
        last = runs[-1].id


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(fresh, "w", encoding="ascii", opener=_private) as file:  # Path.open takes no opener
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
