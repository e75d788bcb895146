"""ops drill run --service, --failover: drills of whole services."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ops.cli.running import conclude, perform
from ops.cli.screen import Screen

if TYPE_CHECKING:
    from ops.runs.model import Run

ALL = "all"


def add(parser: argparse.ArgumentParser) -> None:
    several = "NAME,…"
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--service", metavar=several, help="services instead of sets: start and ask them; all, or names")
    what.add_argument(
        "--failover",
        metavar=several,
        help="on a standby, with a test view of the names; needs a second person",
    )


def wanted(args: argparse.Namespace) -> str:
    """The kind of job that was asked for; empty for a drill of sets. UsageError for both at once."""
    from ops.errors import UsageError  # noqa: PLC0415

    kind = "drill-service" if args.service else "drill-failover" if args.failover else ""
    if kind and args.set:
        raise UsageError("a service names its sets itself", "leave --set out")
    return kind


def run(args: argparse.Namespace, screen: Screen, kind: str) -> int:
    names = [word.strip() for word in (args.service or args.failover).split(",") if word.strip()]
    opds = [word.strip() for word in args.opd.split(",") if word.strip()]
    done, found = perform(args, screen, kind, {"opd": opds, "service": [] if names == [ALL] else names})
    return show(done, found, screen)


def show(done: Run, found: dict[str, Any], screen: Screen) -> int:
    if found.get("services"):
        from backup.evidence import span  # noqa: PLC0415 # the inventory's types cost 0.2 s

        rows = [
            (
                one["opd"],
                one["service"],
                one["kind"],
                "proven" if one["proven"] else f"NOT PROVEN ({one['class']})",
                f"{span(one['rto'])} of {span(one['rto_target'])}",
                f"{span(one['rpo'])} of {span(one['rpo_target'])}",
                f"{sum(not probe['wrong'] for probe in one['probes'])} of {len(one['probes'])}",
                one["why"][:90],
            )
            for one in found["services"]
        ]
        screen.table(("office", "service", "drill", "verdict", "RTO", "RPO", "answers", "why"), rows)
        for one in found["services"]:
            screen.say(f"evidence: {one['page']}")
        screen.data(found["services"])
    return conclude(done)
