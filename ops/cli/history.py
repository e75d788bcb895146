"""ops history: what was done, by whom, why, to which office or host; exported and proven unchanged."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ops.cli.common import world_of
from ops.cli.screen import Screen

if TYPE_CHECKING:
    from ops.runs.foreground import Desk
    from ops.runs.history import Filter

HELP = "search what was done: by office, host, job, result, person; export it; prove that it is unchanged"
EPILOG = """examples:
  ops history --opd dinkes --since 2026-11-01
  ops history --job drill --state failed --json
  ops history --since 2026-11-01 --format markdown > november.md
  ops history --export > november.jsonl
  ops history --verify"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--opd", metavar="CODE", help="runs that concern this office")
    parser.add_argument("--host", metavar="NAME", help="runs that concern this server or router")
    parser.add_argument("--job", metavar="KIND", help="backup, drill, apply, …")
    parser.add_argument("--state", metavar="STATE", help="done, failed, cancelled, refused, held, waiting, running")
    parser.add_argument("--by", metavar="WHO", help="who asked for it")
    parser.add_argument("--since", metavar="DATE", help="asked for from this day on, as 2026-11-01")
    parser.add_argument("--until", metavar="DATE", help="asked for before this day")
    parser.add_argument("--limit", type=int, default=50, help="at most so many (default 50; --export: all)")
    parser.add_argument(
        "--format", choices=["table", "markdown"], default="table", help="markdown: with what changed on which host"
    )
    parser.add_argument("--export", action="store_true", help="everything of each, as JSON lines with an end mark")
    parser.add_argument("--verify", action="store_true", help="check the chain of audit rows; exit 1 when it is broken")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.cli.jobs import plain  # noqa: PLC0415
    from ops.runs import history  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.runs.foreground import Desk  # noqa: PLC0415

    desk = Desk.of(world_of(args))
    if args.verify:
        return _verify(desk, screen)
    if args.export:
        for line in history.export(desk.database, desk.steps, _filter(args, desk, None)):
            sys.stdout.write(line + "\n")
        return 0
    found = history.search(desk.database, _filter(args, desk, args.limit))
    if args.format == "markdown":
        from ops.runs.history_page import markdown  # noqa: PLC0415

        stories = [history.story(desk.database, desk.steps, one.id) for one in found]
        for line in markdown(stories, desk.world.region.timezone):
            sys.stdout.write(line + "\n")
        return 0
    rows = [
        (
            one.id, _when(one.created), one.kind, one.state, one.who, one.plan[:12],
            str((one.error or {}).get("what", "") or one.reason)[:70],
        )
        for one in found
    ]  # fmt: skip
    screen.table(("run", "asked", "job", "state", "by", "plan", "why"), rows)
    screen.data([plain(one) for one in found])
    return 0


def _verify(desk: Desk, screen: Screen) -> int:
    from ops.errors import OpsError  # noqa: PLC0415
    from ops.runs import history  # noqa: PLC0415

    wrong = history.verify(desk.database, desk.world.state)
    screen.data({"problems": wrong})
    if wrong:
        raise OpsError(
            f"the history was changed by other hands: {'; '.join(wrong[:5])}",
            "keep the database as it is; it is evidence",
        )
    screen.say("the history is as it was written")
    return 0


def _filter(args: argparse.Namespace, desk: Desk, limit: int | None) -> Filter:
    from ops.errors import UsageError  # noqa: PLC0415
    from ops.runs.history import Filter  # noqa: PLC0415
    from ops.runs.model import RunState  # noqa: PLC0415

    if args.state and args.state not in list(RunState):
        raise UsageError(f"--state {args.state}: no such state", f"one of {', '.join(RunState)}")
    zone = desk.world.region.timezone
    since, until = (_day(text, zone) if text else None for text in (args.since, args.until))
    state = RunState(args.state) if args.state else None
    return Filter(args.opd, args.host, args.job, state, args.by, since, until, limit)


def _day(text: str, zone: str) -> float:
    """Its first second by the region's clock."""
    from datetime import datetime  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from ops.errors import UsageError  # noqa: PLC0415

    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()
    except ValueError:
        raise UsageError(f"{text} is not a day", "write it as 2026-11-01") from None


def _when(at: float) -> str:
    import time  # noqa: PLC0415

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
