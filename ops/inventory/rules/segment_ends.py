"""A segment joins two different nodes that exist."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all


def check(region: Region) -> Iterable[Finding]:
    nodes = {node.name for node in region.plant.nodes}
    for segment in region.plant.segments:
        for at, name in enumerate(segment.between):
            if name not in nodes:
                hint = nearest_or_all(name, nodes, "node")
                yield Finding(segment, f"between.{at}", f"{name} is no node of fibre.yml", hint)
        if segment.between[0] == segment.between[1]:
            yield Finding(segment, "between", f"begins and ends at {segment.between[0]}", "name its two ends")
