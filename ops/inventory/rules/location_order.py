"""Positions lie where the region lies; latitude is written first."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from ops.inventory.finding import Finding
from ops.inventory.model import Declared, Region

_FAR = 3.0  # degrees from the middle of the fibre plant, some 330 km: no regency is that wide


def check(region: Region) -> Iterable[Finding]:
    if not region.plant.nodes:
        return
    middle = tuple(median(node.location[axis] for node in region.plant.nodes) for axis in (0, 1))
    for thing, (latitude, longitude) in _positions(region):
        if abs(latitude - middle[0]) > _FAR or abs(longitude - middle[1]) > _FAR:
            what = (
                f"{latitude:g}, {longitude:g} is far from everything else, which is around {middle[0]:g}, {middle[1]:g}"
            )
            swapped = abs(longitude - middle[0]) <= _FAR and abs(latitude - middle[1]) <= _FAR
            yield Finding(thing, "location", what, "latitude comes first" if swapped else "check the figures")


def _positions(region: Region) -> Iterable[tuple[Declared, tuple[float, float]]]:
    for node in region.plant.nodes:
        yield node, node.location
    for opd in region.opds:
        for site in opd.sites:
            yield site, site.location
