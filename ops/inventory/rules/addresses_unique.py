"""No address is given to two machines."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Claim, claimed_twice, links, routers

_HINT = "give each machine an address of its own"


def check(region: Region) -> Iterable[Finding]:
    yield from claimed_twice(_claims(region), _HINT)
    yield from claimed_twice(_shared(region), _HINT)


def _claims(region: Region) -> Iterable[Claim]:
    yield Claim(region.station.address, region.station, "address", "the station")
    for server in region.servers:
        yield Claim(server.address, server, "ansible_host", server.name)
    for node in region.plant.nodes:
        if node.address:
            yield Claim(node.address, node, "address", f"node {node.name}")
    for _, router in routers(region):
        yield Claim(router.address, router, "address", router.name)
    for _, link in links(region):
        yield Claim(link.address.ip, link, "address", f"a link of {link.router}")
    nodes = {node.name: node.address for node in region.plant.nodes}
    for device in region.plant.devices:
        if device.address and device.address != nodes.get(device.node):
            yield Claim(device.address, device, "address", device.name)


def _shared(region: Region) -> Iterable[Claim]:
    """A node's own address is that of one device."""
    nodes = {node.name: node.address for node in region.plant.nodes}
    for device in region.plant.devices:
        own = nodes.get(device.node)
        if own and device.address in {own, None}:
            yield Claim(own, device, "address" if device.address else "name", device.name)
