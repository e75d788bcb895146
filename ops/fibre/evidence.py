"""From what was measured of a link to what localisation may believe of it. Pure.

Darkness is believed where light is missing, the port is down or nothing answers; what was not measured is unknown.
Which way a lit link goes is known from the nodes that its packets were seen to cross.
"""

from __future__ import annotations

from collections.abc import Sequence
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


class Roads:
    """A plant's nodes by address and its segments by their ends, to read the ways of packets by."""

    def __init__(self, plant: Plant) -> None:
        self._centre = datacentre(plant)
        self._names = {str(node.address): node.name for node in plant.nodes if node.address}
        self._ends = {segment.name: segment.between for segment in plant.segments}
        self._between: dict[frozenset[str], list[str]] = {}
        for segment in plant.segments:
            self._between.setdefault(frozenset(segment.between), []).append(segment.name)

    def on_its_way(self, link: Link, sight: Sight, hops: Sequence[str | None]) -> Sight:
        """The sight of a lit link sharpened by the way of packets from the data centre: addresses, None is silence.

        Addresses that no node has (a firewall in the data centre, the office's router) are passed over before the first
        node and after the last. Only a segment between two neighbours that both answered is known to be crossed.
        """
        if not link.protected or not link.rides or sight.seen is not Seen.LIT:
            return sight
        nodes = self._nodes(hops)
        over = self._crossed(nodes)
        seen = Seen.LIT
        if over >= set(link.rides):
            seen = Seen.WHOLE
        elif set(nodes) - self._declared(link) - {None}:
            seen = Seen.DETOUR
        return replace(sight, seen=seen, over=frozenset(over))

    def _nodes(self, hops: Sequence[str | None]) -> list[str | None]:
        """The nodes that were crossed, from the data centre on; None where nobody answered or a stranger did."""
        found: list[str | None] = [self._names.get(hop) if hop else None for hop in hops]
        strange = [hop is not None and hop not in self._names for hop in hops]
        while found and strange[0]:
            found, strange = found[1:], strange[1:]
        return found if found[:1] == [self._centre] else [self._centre, *found]

    def _crossed(self, nodes: Sequence[str | None]) -> set[str]:
        """Segments between neighbours of which there is just one."""
        found = set()
        for one, other in pairwise(nodes):
            if one is not None and other is not None:
                names = self._between.get(frozenset((one, other)), [])
                if len(names) == 1:
                    found.add(names[0])
        return found

    def _declared(self, link: Link) -> set[str | None]:
        """The nodes of a link's declared way."""
        ends = (end for name in link.rides for end in self._ends.get(name, ()))
        return {link.drop.node, self._centre, *ends}
