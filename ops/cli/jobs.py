"""ops jobs: what runs and waits; watch, cancel, approve, retry."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ops.cli.common import add_common_again, world_of
from ops.cli.running import add_running
from ops.cli.screen import Screen

if TYPE_CHECKING:
    from ops.runs.foreground import Desk
    from ops.runs.model import Run

HELP = "see jobs that run and wait; watch, cancel, approve, retry them"
EPILOG = """examples:
  ops jobs list --twin latihan
  ops jobs watch 6f2a              (any end of the id that is its own)
  ops jobs start throughput opd=dinkes budget=200M
  ops jobs start router-settings opd=dinkes syslog=10.40.0.16          (changes nothing; do=apply makes it so)
  ops jobs retry 6f2a --from 'drill dinkes.simpus'
  ops jobs approve 6f2a --comment 'seen and agreed'"""
_LOOK = 0.3  # seconds between looks at a run's events
_WITHOUT_VERB = {"router-settings"}  # kinds that change live services and are started here
_ACTIONS = {
    "start": "a job that has no verb of its own, with arguments as schedules.yml writes them",
    "list": "runs that have not ended, then the newest that have",
    "show": "everything of one run",
    "watch": "live events of a run until it ends",
    "cancel": "end a run and everything that it started, here and on its hosts",
    "retry": "a new run that keeps what an ended one has done",
    "approve": "agree, as the second person, to a run that is held",
    "refuse": "do not agree: the run never begins",
    "carry-out": "carry a run that waits out in this command",
    "workers": "who works, and on how many runs",
    "schedules": "what runs by the calendar, and when next",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in _ACTIONS.items():
        action = below.add_parser(name, help=text, description=text)
        if name not in {"start", "list", "workers", "schedules"}:
            action.add_argument("run_id", metavar="RUN", help="id, or an end of it that is its own")
        add_common_again(action)
    below.choices["start"].add_argument("kind", metavar="KIND", help="a kind of job, as in schedules.yml")
    below.choices["start"].add_argument(
        "words", metavar="NAME=VALUE", nargs="*", help="its arguments; a name again: a list"
    )
    add_running(below.choices["start"], changes=True)
    below.choices["list"].add_argument("--limit", type=int, default=20, help="ended ones (default 20)")
    below.choices["retry"].add_argument(
        "--from", dest="before", metavar="STEP", help="do this step and later ones anew"
    )
    for name in ("approve", "refuse"):
        below.choices[name].add_argument("--comment", default="", help="is recorded")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.runs.foreground import Desk  # noqa: PLC0415 # the inventory's types cost 0.2 s

    desk = Desk.of(world_of(args))
    return _DO[args.action](args, desk, screen)


def _start(args: argparse.Namespace, _desk: Desk, screen: Screen) -> int:
    from ops.cli.running import conclude, perform  # noqa: PLC0415
    from ops.errors import UsageError  # noqa: PLC0415
    from ops.jobs.registry import find  # noqa: PLC0415

    job, wanted = find(args.kind), _wanted(args.words)
    if job.changes and job.kind not in _WITHOUT_VERB:
        raise UsageError(f"{job.kind} changes live services: it has a verb of its own", "ops --help")
    if unknown := sorted(wanted.keys() - set(job.takes)):
        raise UsageError(f"{job.kind} does not know {unknown[0]!r}", f"it takes: {', '.join(job.takes) or 'nothing'}")
    done, found = perform(args, screen, job.kind, wanted)
    if found:
        screen.data(found)
        screen.say(json.dumps(found, indent=2, ensure_ascii=False))
    return conclude(done)


def _wanted(words: Sequence[str]) -> dict[str, str | list[str]]:
    """Arguments by name: a text, or a list where a name is said again."""
    said: dict[str, list[str]] = {}
    for word in words:
        name, _, value = word.partition("=")
        said.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in said.items()}


def _list(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.runs.history import Filter, search  # noqa: PLC0415
    from ops.runs.model import RunState  # noqa: PLC0415

    open_ = [one for state in RunState if not state.ended for one in search(desk.database, Filter(state=state))]
    ended = [one for one in search(desk.database, Filter(limit=args.limit + len(open_))) if one.state.ended]
    found = [*sorted(open_, key=lambda one: one.created), *ended[: args.limit]]
    screen.table(("run", "job", "state", "asked", "by", "took", "about"), [_row(desk, one) for one in found])
    screen.data([plain(one) for one in found])
    return 0


def _row(desk: Desk, one: Run) -> list[str]:
    from ops.runs.foreground import blockers  # noqa: PLC0415

    about = one.hold or str((one.error or {}).get("what", "")) or one.reason
    if one.state == "waiting":
        about = "waits for " + "; ".join(blockers(desk.database, one.id)[:2] or [_due(one)])
    took = f"{one.ended - one.started:.0f} s" if one.ended and one.started else ""
    return [one.id, one.kind, one.state, _when(one.created), one.who, took, about[:70]]


def _due(one: Run) -> str:
    return f"its time, {_when(one.due)}" if one.due > time.time() + 1 else "a worker (ops serve)"


def _show(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.runs.history import story  # noqa: PLC0415

    told = story(desk.database, desk.steps, args.run_id)
    screen.data(told)
    screen.say(json.dumps(told, indent=2, ensure_ascii=False, default=str))
    return 0


def _watch(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.cli.running import conclude  # noqa: PLC0415
    from ops.progress import Event, State  # noqa: PLC0415
    from ops.runs import queue, steps  # noqa: PLC0415

    seen = 0
    while True:
        now = queue.get(desk.database, args.run_id)
        for row in steps.events_after(desk.database, now.id, seen):
            seen = row["id"]
            screen.progress(Event(row["step"], row["subject"], State(row["state"]), row["text"]))
        if now.state.ended and not steps.events_after(desk.database, now.id, seen):
            break
        time.sleep(_LOOK)
    screen.data(plain(now))
    screen.say(f"run {now.id}: {now.state}")
    return conclude(now)


def _cancel(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.runs import queue  # noqa: PLC0415
    from ops.system.person import who  # noqa: PLC0415

    wanted = queue.get(desk.database, args.run_id)
    state = queue.cancel(desk.database, wanted.id, who())
    screen.say(f"run {wanted.id} is asked to end: ops jobs watch {wanted.id}" if state == "running" else state)
    screen.data({"run": wanted.id, "state": state})
    return 0


def _retry(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.jobs.registry import find  # noqa: PLC0415
    from ops.runs import queue  # noqa: PLC0415
    from ops.system.person import who  # noqa: PLC0415

    old = queue.get(desk.database, args.run_id)
    fresh = desk.retry(old, args.before, who(), find(old.kind))
    kept = sum(row["ended"] is not None for row in desk.steps.of(fresh.id))
    screen.say(
        f"run {fresh.id} keeps {kept} steps of {old.id}; it waits for a worker, or: ops jobs carry-out {fresh.id}"
    )
    screen.data({"run": fresh.id, "state": fresh.state, "kept": kept})
    return 0


def _decide(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.runs import approvals  # noqa: PLC0415
    from ops.system.person import who  # noqa: PLC0415

    decide = approvals.approve if args.action == "approve" else approvals.refuse
    approvers = desk.world.region.policies.approvers
    decided = decide(desk.database, args.run_id, who(), args.comment, approvers)
    then = f"waits for a worker, or: ops jobs carry-out {decided.id}" if args.action == "approve" else "never begins"
    screen.say(f"run {decided.id} {then}")
    screen.data({"run": decided.id, "state": decided.state})
    return 0


def _carry_out(args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from ops.cli.running import conclude  # noqa: PLC0415
    from ops.jobs.registry import find  # noqa: PLC0415
    from ops.runs import foreground, queue  # noqa: PLC0415

    wanted = queue.get(desk.database, args.run_id)
    done = foreground.carry_out(desk, find(wanted.kind), wanted, screen.progress)
    screen.data(plain(done))
    screen.say(f"run {done.id}: {done.state}")
    return conclude(done)


def _workers(_args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    with desk.database.read() as tx:
        rows = tx.all(
            """SELECT e.id, e.host, e.pid, e.slots, e.started, e.seen,
               (SELECT count(*) FROM run r WHERE r.owner = e.id) AS runs FROM executor e ORDER BY e.id"""
        )
        now = tx.now()
    table = [
        (row["id"], row["host"], row["pid"], f"{row['runs']} of {row['slots']}", f"{now - row['seen']:.0f} s ago")
        for row in rows
    ]
    screen.table(("worker", "machine", "pid", "runs", "last beat"), table)
    screen.data(rows)
    return 0


def _schedules(_args: argparse.Namespace, desk: Desk, screen: Screen) -> int:
    from datetime import UTC, datetime  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from ops.runs.calendar import next_tick  # noqa: PLC0415

    region, now = desk.world.region, datetime.now(UTC)
    rows = []
    for one in region.schedules:
        tick = next_tick(one, now)
        next_ = tick.astimezone(ZoneInfo(region.timezone)).strftime("%Y-%m-%d %H:%M") if tick else "never"
        each = "" if one.each == "none" else f"one run per {one.each}"
        rows.append((one.name, one.job, one.cron, next_, one.catch_up, each))
    screen.table(("schedule", "job", "cron", f"next ({region.timezone})", "catch up", ""), rows)
    names = ("name", "job", "cron", "next", "catch_up", "each")
    screen.data([dict(zip(names, row, strict=True)) for row in rows])
    return 0


def plain(one: Run) -> dict[str, object]:
    """A run as JSON."""
    import dataclasses  # noqa: PLC0415

    return dataclasses.asdict(one)


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


_DO = {
    "start": _start, "list": _list, "show": _show, "watch": _watch, "cancel": _cancel, "retry": _retry,
    "approve": _decide, "refuse": _decide, "carry-out": _carry_out, "workers": _workers, "schedules": _schedules,
}  # fmt: skip
