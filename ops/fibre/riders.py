"""Who depends on which glass, and what was seen of them: what cut localisation goes by.

A rider is anything that a cut can darken: an office's link, or a backbone port whose far end is the next node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from ops.fibre.paths import datacentre
from ops.inventory.model import Plant, Region

OFFICE_KM, PORT_KM = 10.0, 1.0  # drop and power of an office; a backbone port


class Seen(StrEnum):
    WHOLE = "whole"  # lit, on its declared way
    DETOUR = "detour"  # lit, on another way
    LIT = "lit"  # lit, on which way nobody knows
    DARK = "dark"
    UNKNOWN = "unknown"  # not measured now: speaks for nothing and against nothing


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of one rider now. `over`: segments that its packets were seen to cross, so they are whole."""

    seen: Seen
    over: frozenset[str] = frozenset()
    why: str = ""  # what it was judged by, for a person


NOTHING = Sight(Seen.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Rider:
    """`rides`: segments from `node` to the data centre · `protected`: goes round when those are cut, if there is a way.

    One that is not protected (a core spliced through, a backbone port) is dark as soon as one of its segments is cut.
    `own_km`: it fails by itself about as often as so many kilometres of cable are cut (planning guesses).
    """

    node: str
    rides: frozenset[str]
    protected: bool = True
    own_km: float = OFFICE_KM


@dataclass(frozen=True)
class Riders:
    """The plant and everything that rides on it. `segments`: name → its two nodes · `km`: name → length."""

    centre: str
    segments: Mapping[str, tuple[str, str]]
    km: Mapping[str, float]
    riders: Mapping[str, Rider] = field(default_factory=dict)

    @cached_property
    def names(self) -> frozenset[str]:
        """Of the segments."""
        return frozenset(self.segments)


def of_plant(plant: Plant, riders: Mapping[str, Rider]) -> Riders:
    return Riders(
        datacentre(plant),
        {one.name: one.between for one in plant.segments},
        {one.name: one.km for one in plant.segments},
        riders,
    )


def of_region(region: Region) -> Riders:
    """Every office's link by `<opd>/<link>`, and every declared backbone port by `<device> <ifname>`."""
    links = {
        f"{opd.code}/{link.name}": Rider(link.drop.node, frozenset(link.rides), link.protected)
        for opd in region.opds
        for link in opd.links
    }
    ports = {
        f"{port.device} {port.ifname}": Rider(port.node, frozenset([segment.name]), protected=False, own_km=PORT_KM)
        for segment in region.plant.segments
        for port in segment.ports
    }
    return of_plant(region.plant, links | ports)


def predicted(riders: Riders, cut: Iterable[str]) -> dict[str, Seen]:
    """What every rider would look like if exactly these segments were cut, to somebody who sees everything."""
    gone = frozenset(cut)
    lit = reachable(riders, gone)
    return {name: fate(rider, gone, lit) for name, rider in riders.riders.items()}


def fate(rider: Rider, gone: frozenset[str], lit: frozenset[str]) -> Seen:
    """WHOLE, DETOUR or DARK; `lit`: nodes that still have a way to the data centre."""
    if gone.isdisjoint(rider.rides):
        return Seen.WHOLE
    return Seen.DETOUR if rider.protected and rider.node in lit else Seen.DARK


def reachable(riders: Riders, gone: frozenset[str]) -> frozenset[str]:
    """Nodes with a way to the data centre over segments that are not gone."""
    beside: dict[str, list[str]] = {}
    for name, (one, other) in riders.segments.items():
        if name not in gone:
            beside.setdefault(one, []).append(other)
            beside.setdefault(other, []).append(one)
    seen, ahead = {riders.centre}, [riders.centre]
    while ahead:
        for node in beside.get(ahead.pop(), ()):
            if node not in seen:
                seen.add(node)
                ahead.append(node)
    return frozenset(seen)
