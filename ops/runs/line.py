"""Whose turn it is: the waiting runs in their order, and which of them is the first that may begin.

First come, first served for every lock: who waits longer for one of a run's locks goes before it, so that a run that
needs many hosts is never starved by those that need one. Who goes on with locks that it has waits for nobody, and who
can begin nowhere holds nobody up.

The order is worked out here, not in SQL: a planner without statistics took five seconds for a thousand runs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator

from ops.system.database import Row, Transaction

_PART = 20  # runs read first, then ever more; most often the first one may begin
_Known = Collection[tuple[str, int]]  # kinds of jobs and their versions


def first(tx: Transaction, executor: str, known: _Known, pinned_only: bool = False) -> str | None:
    """The run that this executor may begin now; None when there is none, or nobody knows this executor any more."""
    living = _living(tx)
    if executor not in living:
        return None
    living[executor] = known
    for row in _free(tx, living):
        mine = row["pin"] == executor if row["pin"] or pinned_only else (row["kind"], row["version"]) in known
        if mine:
            return str(row["id"])
    return None


def _free(tx: Transaction, living: dict[str, _Known]) -> Iterator[Row]:
    """The waiting runs that may begin now, on one of the living executors; first in line first."""
    anywhere = {one for known in living.values() for one in known}
    taken = {row["name"]: row["run"] for row in tx.all("SELECT name, run FROM lock")}
    wanted: set[str] = set()  # by those who are before
    for row, locks in _waiting(tx):
        if (row["kind"], row["version"]) not in anywhere or not (row["pin"] is None or row["pin"] in living):
            continue
        has_them = any(taken.get(name) == row["id"] for name in locks)
        if has_them or not any(name in taken or name in wanted for name in locks):
            yield row
        wanted |= locks


def _living(tx: Transaction) -> dict[str, _Known]:
    """What each executor knows."""
    return {
        row["id"]: {(kind, version) for kind, versions in json.loads(row["knows"]).items() for version in versions}
        for row in tx.all("SELECT id, knows FROM executor")
    }


def _waiting(tx: Transaction) -> Iterator[tuple[Row, set[str]]]:
    """Every run that waits and is due, with the locks that it needs, in the order of the line."""
    now, last, part = tx.now(), (-1, 0.0, ""), _PART
    while True:
        rows = tx.all(
            """SELECT id, kind, version, pin, priority, due FROM run
               WHERE state = 'waiting' AND due <= ? AND (priority, due, id) > (?, ?, ?)
               ORDER BY priority, due, id LIMIT ?""",
            now, *last, part,
        )  # fmt: skip
        locks = _locks(tx, [row["id"] for row in rows])
        for row in rows:
            yield row, locks[row["id"]]
        if len(rows) < part:
            return
        part *= 2
        last = (rows[-1]["priority"], rows[-1]["due"], rows[-1]["id"])


def _locks(tx: Transaction, runs: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    marks = ", ".join("?" * len(runs))
    for row in tx.all(f"SELECT run, name FROM want WHERE run IN ({marks})", *runs) if runs else ():  # noqa: S608 # marks
        found[row["run"]].add(row["name"])
    return found
