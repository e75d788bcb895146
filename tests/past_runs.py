"""Runs for tests of what stands beside the queue: asked for and ended as the engine does it, with no process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from ops.runs import queue
from ops.runs.leases import Lease
from ops.runs.model import Job, Order, Run, RunState, Scope, Verdict
from ops.runs.steps import append_events, subject_result
from ops.system.database import Database, Transaction

WORKER = "worker-1"


def job(kind: str = "backup") -> Job:
    return Job(kind, "", lambda _run: Verdict({}), lambda _world, _args: Scope())


def ask(
    database: Database, kind: str = "backup", opds: tuple[str, ...] = ("dinkes",), hold: str = "", **order: Any
) -> Run:
    """A run that waits, or is held."""
    wanted = Order(
        **{"kind": kind, "args": {"sets": ["a"]}, "who": "ani", "reason": "monthly", "plan": "c0ffee", **order}
    )
    return queue.enqueue(database, job(kind), wanted, {"twin": None}, Scope(opds, ("dc-db",), ("host:dc-db",)), hold)


def start(database: Database) -> Run:
    """The next run, running."""
    with database.read() as tx:
        known = tx.one("SELECT 1 AS one FROM executor WHERE id = ?", WORKER)
    if not known:
        Lease(database, Path("workers"), WORKER, 9).take()
    run = queue.claim(database, WORKER, {kind: job(kind) for kind in ("backup", "apply", "drill")})
    assert run
    return run


def end(database: Database, run: Run, error: str = "", opds: Mapping[str, str] | None = None) -> Run:
    """The same run, ended: failed when there is an error."""
    append_events(database, run, [("back up", "dinkes.a", "changed", "3 files")])
    subject_result(database, run, [("opd", opd, state, "") for opd, state in (opds or {}).items()])
    said = {"what": error, "next_step": "look", "exit_code": 1} if error else None
    queue.finish(database, run, RunState.FAILED if error else RunState.DONE, {"bytes": 5}, said)
    return queue.get(database, run.id)


def whole(database: Database, error: str = "", opds: Mapping[str, str] | None = None, kind: str = "backup") -> Run:
    """One run from its beginning to its end."""
    ask(database, kind, tuple(opds or ("dinkes",)))
    return end(database, start(database), error, opds)


class Earlier:
    """A database whose clock is behind by `days`: what is written through it looks as if it had been written then."""

    def __init__(self, database: Database, days: float) -> None:
        self._database, self._days = database, days

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextmanager
    def read(self) -> Iterator[Any]:
        with self._database.read() as tx:
            yield _Transaction(tx, self._days * 86400)

    @contextmanager
    def write(self, quiet: bool = False) -> Iterator[Any]:
        with self._database.write(quiet) as tx:
            yield _Transaction(tx, self._days * 86400)


class _Transaction:
    def __init__(self, tx: Transaction, behind: float) -> None:
        self._tx, self._behind = tx, behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def now(self) -> float:
        return self._tx.now() - self._behind


def earlier(database: Database, days: float) -> Database:
    return cast("Database", Earlier(database, days))
