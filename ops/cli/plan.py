"""ops plan: show what would change, grouped by office, and the checksum to apply it by."""

from __future__ import annotations

import argparse
import shlex

from ops.cli.common import world_of
from ops.cli.screen import Screen

HELP = "show what would change; changes nothing"
EPILOG = "example: ops plan --opd dinkes --twin batubara"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--opd", action="append", default=[], metavar="CODE", help="only this office (repeatable)")
    parser.add_argument("--markdown", action="store_true", help="as Markdown, for a ticket")
    parser.add_argument("--verbose", action="store_true", help="show the content of additions and every changed line")
    parser.add_argument("--check", action="store_true", help="exit 4 when anything would change")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops import reconcile  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.errors import ChangesPendingError, PartlyAppliedError  # noqa: PLC0415
    from ops.plan import gate, render  # noqa: PLC0415
    from ops.plan.plan import dump  # noqa: PLC0415

    world = world_of(args)
    plan = reconcile.plan(world, args.opd, screen.progress)
    names = {opd.code: opd.name for opd in world.region.opds}
    against = gate.objections(plan, world.region.policies)
    lines = render.markdown(plan, names) if args.markdown else render.text(plan, names, verbose=args.verbose)
    for line in lines:
        screen.say(line)
    for objection in against:
        screen.say(f"the gate will ask for a reason: {objection}")
    if plan.changes:
        words = ["ops", "apply", plan.checksum[:16], *_same_world(args)]
        screen.say(f"apply exactly this:  {shlex.join(words)}" + ("  --reason '…'" if against else ""))
    screen.data(dump(plan) | {"objections": against})
    if plan.unread:
        return PartlyAppliedError.exit_code
    return ChangesPendingError.exit_code if args.check and plan.changes else 0


def _same_world(args: argparse.Namespace) -> list[str]:
    """The options by which `ops apply` acts where this plan was made."""
    twin = ["--twin", args.twin] if args.twin else []
    return twin + (["-i", str(args.inventory)] if args.inventory else [])
