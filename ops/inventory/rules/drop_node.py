"""A link's drop begins at a node that exists."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import links


def check(region: Region) -> Iterable[Finding]:
    nodes = {node.name for node in region.plant.nodes}
    for _, link in links(region):
        if link.drop.node not in nodes:
            what = f"{link.drop.node} is no node of fibre.yml"
            yield Finding(link, "drop.node", what, nearest_or_all(link.drop.node, nodes, "node"))
