"""Ways through the fibre plant: a graph of nodes joined by segments, minus those that are cut."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ops.inventory.model import Link, Plant, Segment


@dataclass(frozen=True, slots=True)
class Path:
    """A walk over segments; `nodes` has one more item than `segments`. No segments: start and end are one node."""

    nodes: tuple[str, ...]
    segments: tuple[Segment, ...] = ()

    @property
    def km(self) -> float:
        return sum(segment.km for segment in self.segments)

    @property
    def names(self) -> tuple[str, ...]:
        """The segments' names, in order: the form of a link's `rides`."""
        return tuple(segment.name for segment in self.segments)


class Graph:
    """The plant without the segments named in `cut`."""

    def __init__(self, segments: Iterable[Segment], cut: Collection[str] = ()) -> None:
        self._beside: dict[str, list[tuple[str, Segment]]] = {}
        for segment in segments:
            one, other = segment.between
            if segment.name not in cut:
                self._beside.setdefault(one, []).append((other, segment))
                self._beside.setdefault(other, []).append((one, segment))

    def shortest(self, start: str, end: str) -> Path | None:
        """Fewest kilometres; of equal ones the fewest segments, then by name. None if there is no way."""
        return self.shortest_from(start).get(end)

    def shortest_from(self, start: str) -> dict[str, Path]:
        """The shortest path from `start` to every node that can be reached, itself included."""
        done: dict[str, Path] = {}
        ways: list[tuple[float, int, tuple[str, ...], Path]] = [(0.0, 0, (), Path((start,)))]
        while ways:
            km, hops, names, path = heapq.heappop(ways)
            if path.nodes[-1] in done:
                continue
            done[path.nodes[-1]] = path
            for node, segment in self._beside.get(path.nodes[-1], ()):
                if node not in done:
                    longer = Path((*path.nodes, node), (*path.segments, segment))
                    heapq.heappush(ways, (km + segment.km, hops + 1, (*names, segment.name), longer))
        return done

    def reachable(self, start: str) -> frozenset[str]:
        """Every node that light from `start` can still get to, itself included."""
        seen, ahead = {start}, [start]
        while ahead:
            for node, _ in self._beside.get(ahead.pop(), ()):
                if node not in seen:
                    seen.add(node)
                    ahead.append(node)
        return frozenset(seen)


def datacentre(plant: Plant) -> str:
    """The name of the one node that every link ends at (a rule makes sure that there is exactly one)."""
    return next(node.name for node in plant.nodes if node.kind == "datacentre")


def nominal(plant: Plant, link: Link) -> Path:
    """The path that a link was declared to ride on. ValueError if its rides do not join up to the data centre."""
    segments = {segment.name: segment for segment in plant.segments}
    nodes, taken = [link.drop.node], []
    for name in link.rides:
        segment = segments.get(name)
        if segment is None:
            raise ValueError(f"{name} is no segment of the plant")
        if nodes[-1] not in segment.between:
            raise ValueError(f"{name} does not begin at {nodes[-1]}")
        nodes.append(far_end(segment, nodes[-1]))
        taken.append(segment)
    if nodes[-1] != datacentre(plant):
        raise ValueError(f"the path ends at {nodes[-1]}, not at the data centre")
    return Path(tuple(nodes), tuple(taken))


def far_end(segment: Segment, near: str) -> str:
    """The other node of a segment."""
    one, other = segment.between
    return other if near == one else one


def route(plant: Plant, link: Link, cut: Collection[str] = ()) -> Path | None:
    """Where a link runs now: as declared while that is whole, else the shortest way round, None when it is dark."""
    declared = nominal(plant, link)
    if not set(declared.names) & set(cut):
        return declared
    if not link.protected:
        return None
    return Graph(plant.segments, cut).shortest(link.drop.node, datacentre(plant))
