"""ops check: read the whole inventory and show every problem of every file, with its place and what to do."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ops.cli.common import inventory_of
from ops.cli.screen import Screen

if TYPE_CHECKING:
    from ops.inventory.model import Region

HELP = "check the inventory; shows every problem with file, line and column"
EPILOG = "example: ops check -i inventories/batubara"


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Only what all verbs have."""


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.derive.phones import cut_off  # noqa: PLC0415
    from ops.errors import InventoryInvalidError  # noqa: PLC0415
    from ops.inventory.load import load  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.inventory.number_room import narrow  # noqa: PLC0415

    folder = _folder(args)
    try:
        region = load(folder)
    except InventoryInvalidError as error:
        problems = [{"at": one.at, "what": one.what, "hint": one.hint} for one in error.problems]
        screen.data({"inventory": str(folder), "valid": False, "problems": problems})
        raise
    counts = {
        "offices": len(region.opds),
        "links": sum(len(opd.links) for opd in region.opds),
        "extensions": sum(len(opd.phones.extensions) for opd in region.opds if opd.phones),
        "backup sets": sum(len(opd.backup) for opd in region.opds),
        "servers": len(region.servers),
        "fibre segments": len(region.plant.segments),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items())
    screen.say(f"{folder}: {region.name} is valid: {told}")
    expired = _expired(region)
    for one in expired:  # no reason to refuse the inventory: at midnight it would hold up repairs
        screen.say(f"{one['at']} {one['service']}: {one['why']}")
    rooms = [one._asdict() for one in narrow(region)]
    for room in rooms:
        screen.say(f"{room['at']} {room['opd']}: {room['free']} numbers of the range {room['range']} are free")
    lamps = cut_off(region)
    for model, (count, labels) in lamps.items():
        screen.say(f"{count} telephones {model} have too few keys for all lamps, some lack: {', '.join(labels)}")
    told_all = {
        "problems": [],
        "expired": expired,
        "nearly_full": rooms,
        "few_keys": {model: {"telephones": count, "lack": labels} for model, (count, labels) in lamps.items()},
        "counts": counts,
    }
    screen.data({"inventory": str(folder), "valid": True, **told_all})
    return 0


def _expired(region: Region) -> list[dict[str, str]]:
    """Signed decisions against a backup whose date has passed."""
    from backup.coverage import coverage  # noqa: PLC0415

    found = coverage(region, {}, {}, time.time()).expired
    return [{"at": one.at, "service": one.name, "why": one.why} for one in found]


def _folder(args: argparse.Namespace) -> Path:
    """The inventory asked for; with --twin alone, the one that the twin was made from."""
    if args.twin and not args.inventory:
        from ops.world import attach  # noqa: PLC0415

        return attach(args.twin).inventory
    return inventory_of(args)
