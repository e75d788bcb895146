"""A backbone device stands at a node that exists, and has an address: its own or the node's."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all


def check(region: Region) -> Iterable[Finding]:
    nodes = {node.name: node for node in region.plant.nodes}
    for device in region.plant.devices:
        if device.node not in nodes:
            hint = nearest_or_all(device.node, nodes, "node")
            yield Finding(device, "node", f"{device.node} is no node of fibre.yml", hint)
        elif not (device.address or nodes[device.node].address):
            what = f"{device.name} has no address and neither has {device.node}"
            yield Finding(device, "name", what, "write address: the one that the device is managed by")
