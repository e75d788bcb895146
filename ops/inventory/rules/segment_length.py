"""A segment is at least as long as the straight line between its ends."""

from __future__ import annotations

from collections.abc import Iterable
from math import asin, cos, radians, sin, sqrt

from ops.inventory.finding import Finding
from ops.inventory.model import Region

_EARTH_KM = 6371.0
_SLACK = 0.9  # positions are read off maps


def check(region: Region) -> Iterable[Finding]:
    places = {node.name: node.location for node in region.plant.nodes}
    for segment in region.plant.segments:
        one, other = (places.get(name) for name in segment.between)
        if one and other:
            straight = _kilometres(one, other)
            if segment.km < straight * _SLACK:
                what = (
                    f"{segment.km} km is less than the {straight:.1f} km straight from {' to '.join(segment.between)}"
                )
                yield Finding(segment, "km", what, "check the length, or the nodes' locations (latitude first)")


def _kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance by the haversine formula; arguments are (latitude, longitude) in degrees."""
    up, across = radians(other[0] - one[0]) / 2, radians(other[1] - one[1]) / 2
    chord = sin(up) ** 2 + cos(radians(one[0])) * cos(radians(other[0])) * sin(across) ** 2
    return 2 * _EARTH_KM * asin(sqrt(chord))
