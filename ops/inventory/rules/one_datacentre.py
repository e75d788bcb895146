"""The plant has exactly one data centre, and every node can be reached from it."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    centres = [node for node in region.plant.nodes if node.kind == "datacentre"]
    if not centres:
        yield Finding(region.plant, "nodes", "no node has kind: datacentre", "every link ends there")
        return
    for extra in centres[1:]:
        yield Finding(extra, "kind", f"{centres[0].name} is the data centre already", "a second one is kind: drc")
    lit = _reached(region, centres[0].name)
    for node in region.plant.nodes:
        if node.name not in lit:
            what = f"{node.name} has no way to {centres[0].name}"
            yield Finding(node, "name", what, "name it in a segment's between")


def _reached(region: Region, start: str) -> set[str]:
    beside: dict[str, list[str]] = {}
    for segment in region.plant.segments:
        one, other = segment.between
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    seen, ahead = {start}, [start]
    while ahead:
        for node in beside.get(ahead.pop(), ()):
            if node not in seen:
                seen.add(node)
                ahead.append(node)
    return seen
