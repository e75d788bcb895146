"""ops demo: the main job in one go on a twin, with a table of what held at the end."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ops.cli.common import inventory_of
from ops.cli.screen import Screen

HELP = "boot a twin, provision, measure, call, back up, drill; exit 0 only if all of it held"
EPILOG = """example: ops demo -i inventories/batubara
Without root it does what the loopback twin can, shows the rest as skipped, and exits with 1."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--caller", default="dinkes", metavar="OPD", help="office that calls (default dinkes)")
    parser.add_argument("--called", default="disdik", metavar="OPD", help="office that answers (default disdik)")
    parser.add_argument(
        "--sets", default="dinkes.simpus,dinkes.dokumen-dinkes", metavar="OPD.SET,…", help="backup sets to prove"
    )
    parser.add_argument("--pages", type=Path, default=Path(".ops/demo"), help="where evidence and status page go")
    parser.add_argument("--keep", action="store_true", help="leave the twin up (the default on a terminal)")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.errors import InterruptedByUserError  # noqa: PLC0415
    from ops.jobs import demo, demo_parts  # noqa: PLC0415 # load every room
    from ops.twin import lifecycle  # noqa: PLC0415

    inventory = inventory_of(args)
    name = args.twin or inventory.resolve().name
    cast = demo_parts.Cast(args.caller, args.called, args.caller, tuple(args.sets.split(",")), args.pages)
    keep = args.keep or sys.stdout.isatty()
    try:
        report = demo.run(inventory, name, cast, screen.progress)
    finally:
        if not keep:
            lifecycle.down(name, screen.progress)
    rows = [(part.name, part.result, part.figure, f"{part.seconds:.1f}") for part in report.parts]
    screen.table(("part", "result", "figures", "seconds"), rows, title=f"kominfo-ops on the twin {name}")
    for what, path in report.pages.items():
        screen.say(f"{what}: {path}")
    screen.data(
        {
            "held": report.held,
            "parts": [{**vars(part), "result": part.result} for part in report.parts],
            "pages": {what: str(path) for what, path in report.pages.items()},
        }
    )
    if keep:
        shell = "" if report.world and report.world.loopback else " · ops twin ssh dc-web"
        screen.say(f"the twin is up: ops twin status --name {name}{shell} · ops plan --twin {name}")
        screen.say("take it down with: make down")
    if skipped := [part.name for part in report.parts if part.result == "skipped"]:
        screen.say(f"not shown on this machine: {', '.join(skipped)}; `sudo make demo` shows all of it")
    if report.interrupted:
        raise InterruptedByUserError("interrupted; the table shows what was done and what was not")
    return 0 if report.held else 1
