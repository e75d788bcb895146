"""A job run by the command that asks for it: the same queue, locks, checkpoints and history, shown live."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ops.errors import OpsError, UsageError
from ops.progress import Event, Progress, State
from ops.runs import queue
from ops.runs.model import Job, Order, Run, RunState
from ops.runs.steps import Steps
from ops.runs.tables import open_database
from ops.runs.worker import Worker
from ops.system.database import Database
from ops.world import World, named

EVERY_JOB = ("insists",)  # arguments that no job need name
_LOOK = 0.1  # seconds
_DEAD = 20.0  # seconds after which a run that nobody has buried is taken to be alive
_PATIENCE = 1.0  # seconds that a run may wait before the person is told for whom


class RunFailedError(OpsError):
    """A run that did not end well; carries the exit code of what went wrong in it."""

    def __init__(self, run: Run) -> None:
        error = run.error or {"what": f"run {run.id} {run.state}", "next_step": "", "exit_code": 1}
        super().__init__(str(error["what"]), str(error["next_step"]))
        self.exit_code = int(error["exit_code"])


@dataclass(frozen=True)
class Desk:
    """Where runs of one world are asked for and looked at."""

    world: World
    database: Database
    steps: Steps

    @classmethod
    def of(cls, world: World) -> Desk:
        database = open_database(world.state)
        return cls(world, database, Steps(database, world.state / "artefacts"))

    def ask(self, job: Job, order: Order, must_hold: str = "") -> Run:
        """Enqueue a run. `must_hold`: a second person must agree, for this reason, whatever the job itself says."""
        if unknown := sorted(set(order.args) - {*job.takes, *EVERY_JOB}):
            raise UsageError(
                f"{job.kind} takes no argument {unknown[0]!r}", f"it takes {', '.join(job.takes) or 'none'}"
            )
        hold = must_hold or job.hold(self.world, order.args)
        if hold:
            order = replace(order, pin=None)  # whoever approves it, a worker runs it
        return queue.enqueue(self.database, job, order, self.world.address, job.scope(self.world, order.args), hold)

    def result(self, run: Run) -> dict[str, Any]:
        """What the run left, wherever it was kept; empty when it left nothing."""
        return dict(self.steps.whole(dict(run.result))) if run.result else {}

    def retry(self, run: Run, before: str | None, who: str, job: Job) -> Run:
        """A new run that keeps what the old one has done, up to the step `before`. UsageError when it still runs."""
        if not run.state.ended:
            raise UsageError(f"run {run.id} has not ended: {run.state}", f"ops jobs watch {run.id}")
        names = [row["name"] for row in self.steps.of(run.id)]
        if before is not None and before not in names:
            raise UsageError(f"run {run.id} has no step {before!r}", f"its steps: {', '.join(names) or 'none'}")
        order = Order(
            run.kind, run.args, who, run.reason, run.plan, due=time.time() + 3600, retry_of=run.id
        )  # not before its steps are there
        # under the declarations of the old one, whatever those of the one who asks are
        there = replace(self, world=named(run.world.get("twin"), run.world.get("inventory")))
        fresh = there.ask(job, order)
        self.steps.inherit(run.id, fresh.id, before)
        queue.release(self.database, fresh.id)
        return queue.get(self.database, fresh.id)


def run_here(desk: Desk, job: Job, order: Order, progress: Progress, must_hold: str = "") -> Run:
    """Ask for a run and carry it out in this command, unless it must wait for a second person. The run as it ended.

    Interrupted, the run is cancelled with everything it has started. It is tried once: the person sees what is wrong.
    """
    job = replace(job, attempts=1)
    with _working(desk, job, progress) as name:
        run = desk.ask(job, replace(order, pin=name), must_hold)
        return run if run.state is RunState.HELD else _until_ended(desk, run, progress)


def carry_out(desk: Desk, job: Job, run: Run, progress: Progress) -> Run:
    """Carry a run that waits out in this command; as `run_here`."""
    with _working(desk, job, progress) as name:
        queue.pin(desk.database, run.id, name)
        return _until_ended(desk, run, progress)


def resume(desk: Desk, job: Job, old: Run, who: str, progress: Progress) -> Run:
    """Go on with a run that was cut off, in this command, at its first unfinished step; the new run as it ended.

    UsageError when the old one is alive: a command that was killed is noticed within a few seconds.
    """
    with _working(desk, job, progress) as name:
        end = time.monotonic() + _DEAD
        while not (now := queue.get(desk.database, old.id)).state.ended and time.monotonic() < end:
            time.sleep(_LOOK)
        fresh = desk.retry(now, None, who, job)
        queue.pin(desk.database, fresh.id, name)
        return _until_ended(desk, fresh, progress)


@contextmanager
def _working(desk: Desk, job: Job, progress: Progress) -> Iterator[str]:
    """A worker of this command's own, for runs that are pinned to it; its name."""
    name = f"cli-{platform.node()}-{os.getpid()}"
    worker = Worker(desk.database, desk.world.state, {job.kind: job}, name, slots=1)
    worker.only_pinned = True
    worker.office = replace(worker.office, on_event=lambda told: progress(_event(told)))
    worker.begin()
    thread = threading.Thread(target=worker.serve, name="worker", daemon=True)
    thread.start()
    try:
        yield name
    finally:
        worker.stop()
        thread.join()


def blockers(database: Database, run: str) -> list[str]:
    """For which locks a waiting run waits, and on whom."""
    with database.read() as tx:
        rows = tx.all(
            """SELECT w.name, r.kind, r.id, r.who FROM want w JOIN lock l ON l.name = w.name JOIN run r ON r.id = l.run
               WHERE w.run = ? AND l.run <> ? ORDER BY w.name""",
            run, run,
        )  # fmt: skip
    return [f"{row['name']}, held by {row['kind']} {row['id']} of {row['who']}" for row in rows]


def _until_ended(desk: Desk, run: Run, progress: Progress) -> Run:
    try:
        return _watched(desk, run, progress)
    except KeyboardInterrupt:
        _cancel(desk, run)
        raise


def _watched(desk: Desk, run: Run, progress: Progress) -> Run:
    asked, told = time.monotonic(), ""
    while True:
        now = queue.get(desk.database, run.id)
        if now.state.ended:
            return now
        if now.state is RunState.WAITING and time.monotonic() - asked > _PATIENCE:
            said = "; ".join(blockers(desk.database, run.id)[:3])
            if said and said != told:
                progress(Event("wait", "", State.RUNNING, f"for {said}"))
                told = said
        time.sleep(_LOOK)


def _cancel(desk: Desk, run: Run) -> None:
    """Cancel, and wait until it has taken effect."""
    try:
        queue.cancel(desk.database, run.id, run.who)
    except UsageError:
        return  # it has ended meanwhile
    while not queue.get(desk.database, run.id).state.ended:
        time.sleep(_LOOK)


def _event(told: list[str]) -> Event:
    step, subject, state, text = told
    return Event(step, subject, State(state), text)
