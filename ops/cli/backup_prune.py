"""ops backup prune: show what retention no longer keeps, and remove exactly what was shown."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ops.cli.common import world_of
from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen

HELP = "show what retention no longer keeps; a week later remove exactly that (at the DRC only)"
EPILOG = """examples:
  ops backup prune --plan                      look; the plans are kept and shown for 7 days
  ops backup prune                             the plans that are kept
  ops backup prune --apply 3f9a1c20b7de        remove exactly what this plan names
refused (exit 5): a snapshot dated ahead, a flood of snapshots, a newest backup that shrank, a foreign snapshot, a
last drill that is not green, a plan that is too young. More than 10 % of what is stored needs a second person."""


def add(below: Any) -> argparse.ArgumentParser:
    """The action's parser."""
    parser: argparse.ArgumentParser = below.add_parser(
        "prune", help=HELP, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--opd", default="", metavar="CODE,…", help="only sets of these offices")
    parser.add_argument("--set", default="", metavar="NAME,…", help="only these sets")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--plan", action="store_true", help="look and make a plan for every set; nothing is removed")
    what.add_argument("--apply", metavar="PLAN", action="append", default=[], help="carry this plan out (repeatable)")
    add_running(parser)
    return parser


def run(args: argparse.Namespace, screen: Screen) -> int:
    if args.apply:
        return _apply(args, screen)
    return _plan(args, screen) if args.plan else _list(args, screen)


def _plan(args: argparse.Namespace, screen: Screen) -> int:
    wanted = {name: tuple(filter(None, getattr(args, name).split(","))) for name in ("opd", "set")}
    done, found = perform(args, screen, "prune", wanted)
    if found:
        _table(found["plans"], screen)
        screen.data(found)
    return conclude(done)


def _apply(args: argparse.Namespace, screen: Screen) -> int:
    done, found = perform(args, screen, "prune", {"plan": args.apply}, " ".join(args.apply))
    if found:
        for one in found["pruned"]:
            screen.say(f"{one['of']}: {len(one['removed'])} snapshots removed, {one['stored']} bytes left")
        screen.data(found)
    return conclude(done)


def _list(args: argparse.Namespace, screen: Screen) -> int:
    from ops.jobs import prune  # noqa: PLC0415

    found = prune.plans(world_of(args))
    _table(found, screen)
    screen.data(found)
    return 0


def _table(plans: list[dict[str, Any]], screen: Screen) -> None:
    rows = [
        (
            one["id"],
            one["of"],
            f"{(time.time() - one['made']) / 86400:.1f} d",
            len(one["keep"]),
            len(one["remove"]),
            f"{one['share']:.1%}",
            one["refused"][0][1] if one["refused"] else ("a second person" if one["needs_two"] else ""),
        )
        for one in plans
    ]
    screen.table(("plan", "set", "shown for", "stay", "go", "of stored", "needs"), rows)
    for one in plans:
        for removed in one["remove"]:
            screen.say(f"{one['id']}: {removed[:12]}  {one['dates'].get(removed, '')}")
