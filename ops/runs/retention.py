"""Forget what is older than it is to be kept. Little by little: a long write would hold up the workers' beats."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ops.runs import audit
from ops.system.database import Database, Transaction

DAY = 86400.0
_LONGEST = 0.05  # seconds of deleting in one write transaction; its end takes about as long again
_ROWS = 100  # deleted by one statement
_OUTPUTS = 10  # steps deleted by one statement; each may hold 64 KiB
_RUNS = 200
_YOUNG = DAY  # an artefact's file may be there before the step that refers to it


def forget(database: Database, artefacts: Path, logs: Path, days: float, who: str = "ops") -> dict[str, int]:
    """Remove runs that ended more than `days` ago with all that belongs to them, and audit rows of that age.

    How many runs, audit rows, artefacts and logs were removed. What has not ended stays, with all of its audit rows.
    """
    with database.read() as tx:
        before = tx.now() - days * DAY
    counts = {"runs": _runs(database, before, who), "audit": _audit(database, before)}
    return {**counts, "artefacts": _artefacts(database, artefacts), "logs": _logs(database, logs, before)}


def _runs(database: Database, before: float, who: str) -> int:
    count = 0
    while old := deque(_ended(database, before)):
        if not count:
            with database.write() as tx:  # first, so that nobody takes them for removed by other hands
                audit.add(tx, who, audit.FORGOT, "", {"before": before})
        count += len(old)

        def remove(tx: Transaction, old: deque[str] = old) -> bool:
            if not _strip(tx, old[0]):
                tx.do("DELETE FROM run WHERE id = ? AND ended IS NOT NULL", old.popleft())
            return bool(old)

        _bit_by_bit(database, remove)
    return count


def _ended(database: Database, before: float) -> list[str]:
    with database.read() as tx:
        rows = tx.all("SELECT id FROM run WHERE ended < ? ORDER BY ended LIMIT ?", before, _RUNS)
    return [row["id"] for row in rows]


def _strip(tx: Transaction, run: str) -> int:
    """Remove some of what belongs to a run; how many rows there were."""
    events = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE run = ? LIMIT ?)"
    steps = "DELETE FROM step WHERE run = ? AND name IN (SELECT name FROM step WHERE run = ? LIMIT ?)"
    gone = tx.do(events, run, _ROWS) or tx.do(steps, run, run, _OUTPUTS)
    if not gone:
        for table in ("subject", "want", "lock", "approval", "outbox"):
            gone += tx.do(f"DELETE FROM {table} WHERE run = ?", run)  # noqa: S608 # our own words
    return gone


def _audit(database: Database, before: float) -> int:
    """From the old end only, so that what is left is still a chain, whose newest row always stays."""
    with database.read() as tx:
        kept = tx.one(
            """SELECT a.seq FROM audit a WHERE a.at >= ? OR EXISTS (SELECT 1 FROM run r WHERE r.id = a.run)
               ORDER BY a.seq LIMIT 1""",
            before,
        ) or tx.one("SELECT max(seq) AS seq FROM audit")  # fmt: skip
    count, limit = 0, (kept or {})["seq"]

    def remove(tx: Transaction) -> bool:
        nonlocal count
        part = "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE seq < ? ORDER BY seq LIMIT ?)"
        gone = tx.do(part, limit, _ROWS)
        count += gone
        return gone > 0

    if limit is not None:
        _bit_by_bit(database, remove)
    return count


def _artefacts(database: Database, folder: Path) -> int:
    """Files that no step and no result refers to any more."""
    young = time.time() - _YOUNG
    files = [path for path in folder.glob("*") if _older(path, young)]
    if not files:
        return 0
    with database.read() as tx:
        rows = tx.all(
            """SELECT output AS text FROM step WHERE output LIKE '{"artefact": "%' UNION ALL
               SELECT result AS text FROM run WHERE result LIKE '{"artefact": "%'"""
        )
    wanted = {str(row["text"]).split('"')[3] for row in rows}
    return sum(_remove(path) for path in files if path.name not in wanted and _older(path, young))


def _logs(database: Database, folder: Path, before: float) -> int:
    """Logs of runs that are no more; each machine has its own."""
    old = [path for path in folder.glob("*.log") if _older(path, before)]
    with database.read() as tx:
        gone = [path for path in old if tx.one("SELECT 1 AS one FROM run WHERE id = ?", path.stem) is None]
    return sum(map(_remove, gone))


def _bit_by_bit(database: Database, work: Callable[[Transaction], bool]) -> None:
    """Do `work`, which does a little and says whether there is more, in short transactions with room between them."""
    more = True
    while more:
        with database.write(quiet=True) as tx:
            begun = time.monotonic()
            while (more := work(tx)) and time.monotonic() - begun < _LONGEST:
                pass
        time.sleep(time.monotonic() - begun if more else 0)


def _older(path: Path, than: float) -> bool:
    try:
        return path.stat().st_mtime < than
    except FileNotFoundError:
        return False


def _remove(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return True
