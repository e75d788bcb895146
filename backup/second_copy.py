"""Drills out of the second copy: on the server that keeps it, from its disk, without a byte written there.

A copy that nobody ever restored from is only hoped for. Its drills have records of their own (`<set>@copy`): a green
one never stands in the place of the vault's, nor a red one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backup import places
from backup.giving_way import GivingWay
from backup.layout import Item
from backup.places import COPY, Places
from backup.restic import Restic, Secret
from backup.verify.verdict import Fault
from ops.errors import UsageError
from ops.inventory.model import Region
from ops.world import World

DAMAGED = frozenset({Fault.CORRUPTION, Fault.REPO})  # of the vault's: then the copy may still hold all of it
NEXT = "copy_to in drc.yml names it"


def server(region: Region) -> str:
    """The server that keeps the copies. UsageError where none is declared."""
    place = region.recovery.copy_to
    if place is None:
        raise UsageError("no second place is declared", NEXT)
    return place.server


def of(world: World) -> Places:
    """As `places.of`, but drills read the second copy. UsageError where there is none."""
    if world.loopback:
        raise UsageError("a loopback twin has no second copy", NEXT)
    return reading(places.of(world), world)


def reading(spots: Places, world: World) -> Places:
    keeper = server(world.region)
    place = world.region.recovery.copy_to
    assert place  # noqa: S101 # it has a server

    def view(item: Item, key: str) -> Restic:
        folder = f"{place.folder}/{item.set.server}/{item.key}"
        known = spots.view(item, key)
        local = replace(known.repository, url=folder, user="", user_password=Secret(), ca="")
        return Restic(GivingWay(places.on(world)(keeper)), local, known.program)

    return replace(spots, view=view, drill_server=keeper, place=COPY)


def advice(region: Region, red: Sequence[tuple[str, str]]) -> str:
    """What to do next about red drills from the vault, [(set's key, class)]; nothing where the copy is no help."""
    damaged = [key for key, fault in red if fault in DAMAGED]
    if not damaged or region.recovery.copy_to is None:
        return ""
    return f"see whether the second copy is whole: ops drill run --from copy --set {','.join(damaged)}"
