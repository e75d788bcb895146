"""Why a run does not begin: for people who look at it."""

from __future__ import annotations

import json

from ops.runs import queue
from ops.runs.model import Run, RunState
from ops.system.database import Database, Transaction


def why(database: Database, run: str) -> list[str]:
    """What a waiting run waits for, one line each; nothing when it runs, has ended, or is about to begin."""
    with database.read() as tx:
        found = queue.get_in(tx, run, database.shared)
        if found.state is RunState.HELD:
            return [f"somebody else must agree: {found.hold}"]
        if found.state is not RunState.WAITING:
            return []
        if found.due > tx.now():
            said = f": the last time {found.error['what']}" if found.error else ""
            return [f"it is due in {found.due - tx.now():.0f} s{said}"]
        return [*_no_worker(tx, found), *_held(tx, found), *_before(tx, found)]


def _no_worker(tx: Transaction, run: Run) -> list[str]:
    rows = tx.all("SELECT id, knows FROM executor WHERE id = ?" if run.pin else "SELECT id, knows FROM executor",
                  *([run.pin] if run.pin else []))  # fmt: skip
    if not rows:
        return [f"its command, {run.pin}, is gone" if run.pin else "no worker runs: ops serve"]
    known = {version for row in rows for version in json.loads(row["knows"]).get(run.kind, ())}
    if run.version in known:
        return []
    others = f"; they know {', '.join(map(str, sorted(known)))}" if known else ""
    return [f"no worker knows version {run.version} of {run.kind}{others}"]


def _held(tx: Transaction, run: Run) -> list[str]:
    rows = tx.all(
        """SELECT w.name, r.kind, r.id, r.who FROM want w JOIN lock l ON l.name = w.name JOIN run r ON r.id = l.run
           WHERE w.run = ? AND l.run <> ? ORDER BY w.name""",
        run.id, run.id,
    )  # fmt: skip
    return [f"{row['name']}, held by {row['kind']} {row['id']} of {row['who']}" for row in rows]


def _before(tx: Transaction, run: Run) -> list[str]:
    """Whose turn comes first for one of its locks."""
    rows = tx.all(
        """SELECT DISTINCT e.kind, e.id, e.who FROM want w JOIN want o ON o.name = w.name AND o.run <> w.run
           JOIN run e ON e.id = o.run AND e.state = 'waiting' AND e.due <= ?
           WHERE w.run = ? AND (e.priority < ? OR (e.priority = ? AND e.due < ?)
              OR (e.priority = ? AND e.due = ? AND e.id < ?)) ORDER BY e.id""",
        tx.now(), run.id, *_rank(tx, run),
    )  # fmt: skip
    return [f"behind {row['kind']} {row['id']} of {row['who']}, which waits for one of the same places" for row in rows]


def _rank(tx: Transaction, run: Run) -> list[object]:
    row = tx.one("SELECT priority FROM run WHERE id = ?", run.id) or {"priority": 0}
    return [row["priority"], row["priority"], run.due, row["priority"], run.due, run.id]
