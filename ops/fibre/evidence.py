"""From what was measured of a link to what localisation may believe of it. Pure.

Darkness is believed where light is missing, the port is down or nothing answers; what was not measured is unknown.
Which way a lit link goes is known from the nodes that its packets were seen to cross.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ops.fibre.paths import datacentre
from ops.fibre.riders import NOTHING, Seen, Sight
from ops.inventory.model import Link, Plant


@dataclass(frozen=True, slots=True)
class Measured:
    """One link or backbone port now; None is not measured. `alone`: the router has no other way to answer by.

    `received`, `sent`: dBm · `bias`: amperes · `floor`: the weakest light that the module takes, by its own word, dBm.
    """

    answered: bool | None = None
    port_up: bool | None = None
    no_light: bool | None = None
    received: float | None = None
    lost: float | None = None
    sent: float | None = None
    bias: float | None = None
    floor: float | None = None
    alone: bool = True


def judge(one: Measured) -> Sight:
    """LIT, DARK or UNKNOWN, and by what."""
    if one.no_light:
        return Sight(Seen.DARK, why="no light")
    if one.port_up is False and one.received is None:
        return Sight(Seen.DARK, why="port down")
    if one.received is not None:
        return Sight(Seen.LIT, why="light, but port down" if one.port_up is False else "light")
    if one.port_up or (one.answered and one.alone):
        return Sight(Seen.LIT, why="port up" if one.port_up else "router answers")
    if one.lost is not None:
        return Sight(Seen.DARK, why="no echo") if one.lost >= 1 else Sight(Seen.LIT, why="echo")
    return Sight(Seen.DARK, why="router silent") if one.answered is False else NOTHING


def on_its_way(plant: Plant, link: Link, sight: Sight, hops: Sequence[str | None]) -> Sight:
    """The sight of a lit link sharpened by the way of packets from the data centre: `hops`: addresses, None is silence.

    Addresses that no node has (a firewall in the data centre, the office's router) are passed over before the first
    node and after the last. Only a segment between two neighbours that both answered is known to be crossed.
    """
    if not link.protected or not link.rides or sight.seen is not Seen.LIT:
        return sight
    names = {str(node.address): node.name for node in plant.nodes if node.address}
    nodes = _nodes(datacentre(plant), hops, names)
    over = _crossed(plant, nodes)
    seen = Seen.LIT
    if over >= set(link.rides):
        seen = Seen.WHOLE
    elif any(node is not None and node not in _declared(plant, link) for node in nodes):
        seen = Seen.DETOUR
    return replace(sight, seen=seen, over=frozenset(over))


def _nodes(centre: str, hops: Sequence[str | None], names: Mapping[str, str]) -> list[str | None]:
    """The nodes that were crossed, from the data centre on; None where somebody did not answer or is not known."""
    found: list[str | None] = [names.get(hop) if hop else None for hop in hops]
    strange = [hop is not None and hop not in names for hop in hops]
    while found and strange[0]:
        found, strange = found[1:], strange[1:]
    return found if found[:1] == [centre] else [centre, *found]


def _crossed(plant: Plant, nodes: Sequence[str | None]) -> set[str]:
    """Segments between neighbours of which there is just one."""
    between: dict[frozenset[str], list[str]] = {}
    for segment in plant.segments:
        between.setdefault(frozenset(segment.between), []).append(segment.name)
    found = set()
    for one, other in pairwise(nodes):
        if one is not None and other is not None:
            names = between.get(frozenset((one, other)), [])
            if len(names) == 1:
                found.add(names[0])
    return found


def _declared(plant: Plant, link: Link) -> set[str]:
    """The nodes of a link's declared way."""
    ends = {segment.name: segment.between for segment in plant.segments}
    return {link.drop.node, datacentre(plant)}.union(*(ends.get(name, ()) for name in link.rides))
