"""Options that verbs share, and the world that they ask for."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import UsageError

if TYPE_CHECKING:
    from ops.world import World

DEFAULT_INVENTORIES = Path("inventories")


def add_common(parser: argparse.ArgumentParser) -> None:
    """-i, --twin, --json, --quiet: the same on every verb."""
    parser.add_argument("-i", "--inventory", type=Path, help="inventory folder (default: the only one in inventories/)")
    parser.add_argument("--twin", metavar="NAME", default=os.environ.get("OPS_TWIN"), help="act on the twin NAME")
    parser.add_argument("--json", action="store_true", help="result as JSON on standard output")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def add_common_again(parser: argparse.ArgumentParser) -> None:
    """The same behind an action, where people write them; SUPPRESS keeps what stood before it."""
    hidden = argparse.SUPPRESS
    parser.add_argument("-i", "--inventory", type=Path, default=hidden, help=hidden)
    parser.add_argument("--twin", metavar="NAME", default=hidden, help="act on the twin NAME")
    parser.add_argument("--json", action="store_true", default=hidden, help="result as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", default=hidden, help=hidden)


def inventory_of(args: argparse.Namespace) -> Path:
    """The inventory folder asked for, or the only one there is."""
    if args.inventory:
        return Path(args.inventory)
    found = sorted(path.parent for path in DEFAULT_INVENTORIES.glob("*/region.yml"))
    if len(found) != 1:
        raise UsageError("which inventory?", "name its folder: -i inventories/<region>")
    return found[0]


def world_of(args: argparse.Namespace) -> World:
    """The world to act on: the twin named by --twin (or $OPS_TWIN), else the regency itself; entered.

    With `-i` beside `--twin`, the twin's machines are acted on with that inventory's declarations.
    """
    from ops import world as worlds  # noqa: PLC0415 # types of the inventory cost 0.2 s

    inventory = args.inventory if args.twin else str(inventory_of(args))
    world = worlds.named(args.twin, inventory)
    world.enter()
    return world
