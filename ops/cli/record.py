"""`ops record`: save what a device says over SNMP as a recording, without its secrets."""

from __future__ import annotations

import argparse
from pathlib import Path

from ops.cli.common import world_of
from ops.cli.discover import snmp_of
from ops.cli.screen import Screen

HELP = "save a walk of a device as a recording (.snmprec), secrets removed"
EPILOG = """examples:
  ops record dinkes-rtr1                               into dinkes-rtr1.snmprec
  ops record 10.40.1.1 -o new-olt.snmprec --everything  also what discovery does not need"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", help="router of the inventory by its name, or an address")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to (default: <host>.snmprec)")
    parser.add_argument("--everything", action="store_true", help="all of mib-2 and of the vendor's own tables")
    parser.add_argument("--serials", action="store_true", help="keep serial numbers")


def run(args: argparse.Namespace, screen: Screen) -> int:
    import asyncio  # noqa: PLC0415

    from exporters.record import Wanted, record  # noqa: PLC0415 # SNMP and every profile: 0.3 s

    world = world_of(args)
    device, secrets = snmp_of(world, args.host)
    taken = asyncio.run(record(device, Wanted(everything=args.everything, serials=args.serials, secrets=secrets)))
    file = args.output or Path(f"{args.host}.snmprec")
    file.write_text(taken.text, encoding="ascii")
    screen.data({"file": str(file), "values": taken.values, "hidden": taken.hidden, "broken": taken.broken})
    screen.say(f"{file}: {taken.values} values; {taken.hidden} that may be secret were left out")
    if taken.broken:
        screen.note(f"a walk was cut short: {taken.broken}")
    screen.say(f"look at it before you hand it on; ops discover --recording {file} shows what it gives")
    return 0
