"""What verbs that run a job share: in the foreground with live progress, or handed to the workers."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ops.cli.common import world_of
from ops.cli.screen import Screen

if TYPE_CHECKING:
    from ops.runs.foreground import Desk
    from ops.runs.model import Job, Order, Run
    from ops.world import World


def add_running(parser: argparse.ArgumentParser, changes: bool = False) -> None:
    """--enqueue, --reason; with `changes` also --now and --needs-approval."""
    parser.add_argument("--enqueue", action="store_true", help="leave it to the workers of `ops serve`, do not wait")
    parser.add_argument("--reason", default="", help="why; is recorded")
    if changes:
        parser.add_argument(
            "--now", action="store_true", help="although it is not the time for changes (with --reason)"
        )
        parser.add_argument("--needs-approval", action="store_true", help="a second person must agree first")


def perform(
    args: argparse.Namespace, screen: Screen, kind: str, wanted: Mapping[str, Any], plan: str = ""
) -> tuple[Run, dict[str, Any]]:
    """Run a job as the person asked for it; the run and what it left (nothing when it was enqueued).

    The caller shows the result, then calls `conclude`. RefusedError when it is not the time, or a second person is
    needed.
    """
    from ops.jobs.registry import find  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.runs.foreground import Desk, run_here  # noqa: PLC0415
    from ops.runs.inside import TRACEBACK  # noqa: PLC0415
    from ops.runs.model import Order, RunState  # noqa: PLC0415
    from ops.system.person import who  # noqa: PLC0415

    world, job = world_of(args), find(kind)
    if job.changes and not world.rehearsal:
        _in_time(world, job, wanted, args)
    insists = {"insists": True} if getattr(args, "now", False) else {}
    order = Order(kind, {**wanted, **insists}, who(), args.reason.strip(), plan)
    desk = Desk.of(world)
    hold = f"{order.who} wants a second person to agree" if getattr(args, "needs_approval", False) else ""
    run = _enqueue(desk, job, order, hold) if args.enqueue else run_here(desk, job, order, screen.progress, hold)
    if run.state is RunState.HELD:
        _tell_held(run)
    if not run.state.ended:
        screen.say(f"run {run.id} waits for a worker: ops jobs watch {run.id}")
        screen.data({"run": run.id, "state": run.state})
    left = desk.result(run)
    if where := left.pop(TRACEBACK, ""):
        screen.note(where)
    return run, left


def conclude(run: Run) -> int:
    """0 for a run that ended well or was enqueued; else the error it ended with."""
    from ops.runs.foreground import RunFailedError  # noqa: PLC0415
    from ops.runs.model import RunState  # noqa: PLC0415

    if run.state.ended and run.state is not RunState.DONE:
        raise RunFailedError(run)
    return 0


def _enqueue(desk: Desk, job: Job, order: Order, hold: str) -> Run:
    return desk.ask(job, order, hold)


def _tell_held(run: Run) -> None:
    from ops.errors import RefusedError  # noqa: PLC0415

    raise RefusedError(
        f"run {run.id} waits for a second person: {run.hold}", f"somebody else: ops jobs approve {run.id}"
    )


def _in_time(world: World, job: Job, wanted: Mapping[str, Any], args: argparse.Namespace) -> None:
    """RefusedError in a freeze or outside of an office's window, unless the person insists and says why."""
    from datetime import UTC, datetime  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from ops.errors import RefusedError, UsageError  # noqa: PLC0415
    from ops.runs.windows import may_change  # noqa: PLC0415

    verdict = may_change(world.region, job.scope(world, wanted).opds, datetime.now(UTC))
    if verdict.ok:
        return
    if not args.now:
        local = verdict.opens and verdict.opens.astimezone(ZoneInfo(world.region.timezone))
        opens = f"wait until {local:%Y-%m-%d %H:%M %Z}, or insist" if local else "insist"
        raise RefusedError(f"not the time for changes: {verdict.why}", f"{opens}: --now --reason '…'")
    if not args.reason.strip():
        raise UsageError("--now needs a --reason", "it is recorded why this could not wait")
