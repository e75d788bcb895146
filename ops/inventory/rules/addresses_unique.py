"""No address is given to two machines."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Claim, claimed_twice, links, routers


def check(region: Region) -> Iterable[Finding]:
    return claimed_twice(_claims(region), "give each machine an address of its own")


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
