"""ops suite: pack the suite itself for a server without Internet."""

from __future__ import annotations

import argparse

from ops.cli.common import inventory_of
from ops.cli.screen import Screen

HELP = "pack the suite itself, with its packages and the inventory, for the server that runs it"
EPILOG = "example: ops suite pack -i inventories/batubara    # the role suite does so itself: docs/running-the-suite.md"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["pack"], help="pack: make the archives, unless they are in the cache")
    parser.add_argument("--python", default="3.13", metavar="X.Y", help="Python of the server (Debian 13: 3.13)")
    parser.add_argument("--machine", default="x86_64", help="processor of the server, as uname -m tells")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.system import bundle  # noqa: PLC0415
    from ops.system.wheelhouse import Target  # noqa: PLC0415

    folder = inventory_of(args)
    packed = {
        "code": bundle.code(Target(args.python, args.machine)),
        "inventory": bundle.inventory(folder),
    }
    screen.table(("what", "name", "archive"), [(what, one.name, one.archive) for what, one in packed.items()])
    told = {what: {"name": one.name, "archive": str(one.archive)} for what, one in packed.items()}
    screen.data({**told, "region": folder.resolve().name})
    return 0
