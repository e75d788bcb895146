"""Ask for runs, claim them with all their locks, end them: every change is one transaction with its audit row."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from ops.errors import OpsError, UsageError
from ops.runs import audit, line, outbox
from ops.runs.model import Job, Order, Run, RunState, Scope
from ops.system.database import Database, Transaction

_RUN = "SELECT r.*, (SELECT {concat} FROM want w WHERE w.run = r.id) AS locks FROM run r"
_LONGEST_ERROR = 2000
MOST_CRASHES = 20  # of one run's process, before it counts as failed
_FAILED_ONCE, _DIED = "failed, will be tried again", "process died"  # acts in the audit


class FencedError(OpsError):
    """This worker no longer owns the run: it was taken over, ended or removed. Nothing was written."""

    next_step = "nothing to do: another worker goes on with it"


def new_id() -> str:
    """Sorts by time: 13 digits of milliseconds, then chance."""
    return f"{int(time.time() * 1000):013d}{secrets.token_hex(4)}"


def enqueue(database: Database, job: Job, order: Order, world: Mapping[str, Any], scope: Scope, hold: str = "") -> Run:
    """Ask for a run. The same `tick` twice gives the run that is there already."""
    with database.write() as tx:
        if order.tick and (there := tx.one("SELECT id FROM run WHERE tick = ?", order.tick)):
            return get_in(tx, there["id"], database.shared)
        run, now = new_id(), tx.now()
        state = RunState.HELD if hold else RunState.WAITING
        tx.do(
            """INSERT INTO run (id, kind, version, args, world, state, created, due, priority, who, reason, plan, tick,
               pin, attempts, timeout, retry_of, hold, token, attempt)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)""",
            run, job.kind, job.version, _json(dict(order.args)), _json(dict(world)), state, now,
            order.due or now, job.priority, order.who, order.reason, order.plan, order.tick, order.pin,
            job.attempts, job.timeout, order.retry_of, hold or None,
        )  # fmt: skip
        tx.many("INSERT INTO want (run, name) VALUES (?, ?)", [(run, name) for name in sorted(set(scope.locks))])
        whom = [("opd", opd) for opd in scope.opds] + [("host", host) for host in scope.hosts]
        tx.many(
            "INSERT INTO subject (run, type, name, state, text) VALUES (?, ?, ?, '', '')",
            [(run, *one) for one in sorted(set(whom))],
        )
        asked = get_in(tx, run, database.shared)
        audit.add(tx, order.who, "asked", run, audit.asked(asked))
        if hold:
            outbox.put(tx, run, state)
        return asked


def claim(database: Database, executor: str, jobs: Mapping[str, Job], pinned_only: bool = False) -> Run | None:
    """The next run that may start here, with its locks taken; None when there is none (see `ops.runs.line`)."""
    known = {(kind, version) for kind, one in jobs.items() for version in one.versions}
    with database.read() as tx:  # most often there is none, and looking needs no lock
        if line.first(tx, executor, known, pinned_only) is None:
            return None
    with database.write() as tx:
        run = line.first(tx, executor, known, pinned_only)
        if run is None:
            return None
        tx.do("DELETE FROM lock WHERE run = ?", run)  # of an owner that died
        tx.do("INSERT INTO lock (name, run) SELECT name, run FROM want WHERE run = ?", run)
        tx.do(
            """UPDATE run SET state = 'running', owner = ?, token = token + 1, attempt = attempt + 1,
               started = COALESCE(started, ?) WHERE id = ?""",
            executor, tx.now(), run,
        )  # fmt: skip
        taken = get_in(tx, run, database.shared)
        audit.add(tx, executor, "started" if taken.attempt == 1 else "resumed", run, {"token": taken.token})
        return taken


def fence(tx: Transaction, run: str, token: int) -> None:
    """FencedError unless the run is running under this token."""
    row = tx.one("SELECT token, state FROM run WHERE id = ?", run)
    if row is None or row["token"] != token or row["state"] != RunState.RUNNING:
        raise FencedError(f"run {run} was taken over by another worker")


def finish(database: Database, run: Run, state: RunState, result: Any, error: Mapping[str, Any] | None) -> RunState:
    """End a run, or have it tried again later; its locks are free then. FencedError when it is not ours."""
    with database.write() as tx:
        fence(tx, run.id, run.token)
        now = tx.now()
        row = tx.one("SELECT attempts, cancel_by FROM run WHERE id = ?", run.id) or {}
        again = state is RunState.FAILED and row["attempts"] > 1 and not row["cancel_by"]
        tx.do("DELETE FROM lock WHERE run = ?", run.id)
        if again:
            tx.do(
                """UPDATE run SET state = 'waiting', owner = NULL, token = token + 1, attempts = attempts - 1, due = ?,
                   error = ? WHERE id = ?""",
                now + min(60 * 2 ** _count(tx, run.id, _FAILED_ONCE), 3600), _json(error), run.id,
            )  # fmt: skip
        else:
            tx.do(
                "UPDATE run SET state = ?, ended = ?, owner = NULL, result = ?, error = ? WHERE id = ?",
                state, now, _json(result), _json(error), run.id,
            )  # fmt: skip
            if state is not RunState.CANCELLED:
                outbox.put(tx, run.id, state, error)
        about = {"attempt": run.attempt, "error": str((error or {}).get("what", ""))[:_LONGEST_ERROR]}
        audit.add(tx, run.owner or run.who, _FAILED_ONCE if again else state, run.id, about)
        return RunState.WAITING if again else state


def pin(database: Database, run: str, executor: str) -> None:
    """Let only this executor take a run that waits. UsageError when it does not wait any more."""
    with database.write() as tx:
        if not tx.do("UPDATE run SET pin = ?, due = ? WHERE id = ? AND state = 'waiting'", executor, tx.now(), run):
            raise UsageError(f"run {run} does not wait: {get_in(tx, run, database.shared).state}", "ops jobs list")


def release(database: Database, run: str) -> None:
    """Let a run that was asked for begin now."""
    with database.write() as tx:
        tx.do("UPDATE run SET due = created WHERE id = ? AND state IN ('waiting', 'held')", run)


def postpone(database: Database, run: Run, until: float, why: str) -> None:
    """Put a run back until then (seconds since the epoch), without its locks. A command that waits for it is told."""
    if run.pin:
        error = {"what": f"not the time for changes: {why}", "next_step": "--enqueue waits for it", "exit_code": 5}
        finish(database, run, RunState.FAILED, None, error)
        return
    with database.write() as tx:
        fence(tx, run.id, run.token)
        tx.do("DELETE FROM lock WHERE run = ?", run.id)
        tx.do(
            """UPDATE run SET state = 'waiting', owner = NULL, token = token + 1, attempt = attempt - 1, due = ?
               WHERE id = ?""",
            until, run.id,
        )  # fmt: skip
        audit.add(tx, run.owner or run.who, "postponed", run.id, {"until": until, "why": why})


def crashed(database: Database, run: Run, most: int = MOST_CRASHES) -> RunState:
    """The run's process died without a word: it goes on where it was, with its locks, unless it did so `most` times.

    Once at once, then after a while each time: whatever kills it may pass.
    """
    with database.write() as tx:
        fence(tx, run.id, run.token)
        before = _count(tx, run.id, _DIED)
        if before + 1 < most:
            pause = 0.0 if not before else min(0.25 * 2.0**before, 60.0)
            tx.do(
                "UPDATE run SET state = 'waiting', owner = NULL, token = token + 1, due = ? WHERE id = ?",
                tx.now() + pause if pause else run.due, run.id,
            )  # fmt: skip
            audit.add(tx, run.owner or run.who, _DIED, run.id, {"attempt": run.attempt})
            return RunState.WAITING
    what = f"its process died {most} times without a word"
    error = {"what": what, "next_step": "free memory? see the run's log", "exit_code": 1}
    return finish(database, run, RunState.FAILED, None, error)


def owned(database: Database, executor: str) -> list[Run]:
    """The runs that an executor has."""
    with database.read() as tx:
        return read_runs(tx, database.shared, "r.owner = ?", executor)


def give_back(database: Database, executor: str, but: Collection[str]) -> None:
    """What an executor has without knowing of it goes back to the queue, e.g. after an answer that got lost."""
    for run in owned(database, executor):
        if run.id not in but:
            with suppress(FencedError):
                crashed(database, run)


def cancel(database: Database, run: str, who: str) -> RunState:
    """Ask a run to end. One that waits is cancelled at once; one that runs, by its worker. Its state then."""
    with database.write() as tx:
        found = get_in(tx, run, database.shared)
        if found.state.ended:
            raise UsageError(
                f"run {run} has ended already: {found.state}", "ops jobs list shows the ones that have not"
            )
        audit.add(tx, who, "asked to cancel", run, {})
        tx.do("UPDATE run SET cancel_by = ? WHERE id = ?", who, run)
        if found.state is RunState.RUNNING:
            return RunState.RUNNING
        now = tx.now()
        tx.do("UPDATE run SET state = 'cancelled', ended = ?, error = ? WHERE id = ?", now, _json(cancelled(who)), run)
        tx.do("DELETE FROM lock WHERE run = ?", run)
        if found.state is RunState.HELD:
            outbox.put(tx, run, RunState.CANCELLED)
        return RunState.CANCELLED


def results(database: Database, kind: str, since: float) -> list[dict[str, Any]]:
    """What the runs of a kind that ended since then left, oldest first; 1,000 at most."""
    with database.read() as tx:
        rows = tx.all(
            """SELECT result FROM run WHERE kind = ? AND ended >= ? AND result IS NOT NULL
               ORDER BY ended DESC LIMIT 1000""",
            kind, since,
        )  # fmt: skip
    return [json.loads(row["result"]) for row in reversed(rows)]


def to_cancel(database: Database, executor: str) -> dict[str, str]:
    """Runs of this executor that somebody wants cancelled, with who."""
    with database.read() as tx:
        rows = tx.all("SELECT id, cancel_by FROM run WHERE owner = ? AND cancel_by IS NOT NULL", executor)
    return {row["id"]: row["cancel_by"] for row in rows}


def get(database: Database, run: str) -> Run:
    """The run with this id, or the only one whose id begins or ends so. UsageError when there is none, or several."""
    with database.read() as tx:
        if exact := read_runs(tx, database.shared, "r.id = ?", run):
            return exact[0]
        part = run.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        like = "r.id LIKE ? ESCAPE '!' OR r.id LIKE ? ESCAPE '!' ORDER BY r.id LIMIT 2"
        found = read_runs(tx, database.shared, like, f"{part}%", f"%{part}") if run else []
    if len(found) != 1:
        raise UsageError(f"{'no run' if not found else 'several runs'} with the id {run!r}", "ops jobs list")
    return found[0]


def get_in(tx: Transaction, run: str, shared: bool) -> Run:
    found = read_runs(tx, shared, "r.id = ?", run)
    if not found:
        raise UsageError(f"no run with the id {run!r}", "ops jobs list")
    return found[0]


def read_runs(tx: Transaction, shared: bool, where: str, *values: object) -> list[Run]:
    """The runs `r` for which the condition holds; it may end with an order and a limit."""
    concat = "string_agg(w.name, chr(10))" if shared else "group_concat(w.name, char(10))"
    return [Run.of(row) for row in tx.all(f"{_RUN.format(concat=concat)} WHERE {where}", *values)]


def cancelled(who: str) -> dict[str, Any]:
    return {"what": f"cancelled by {who}", "next_step": "", "exit_code": 130}


def _count(tx: Transaction, run: str, act: str) -> int:
    """How often this has befallen a run."""
    row = tx.one("SELECT count(*) AS n FROM audit WHERE run = ? AND act = ?", run, act)
    return int(row["n"]) if row else 0


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
