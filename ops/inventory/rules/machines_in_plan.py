"""Servers, fibre nodes and routers have addresses from the part of the plan that is theirs."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from ops.inventory.finding import Finding
from ops.inventory.model import Declared, Region
from ops.inventory.walk import routers


def check(region: Region) -> Iterable[Finding]:
    plan = region.addresses
    centres, roads = (plan.datacentre, plan.drc), (plan.transport,)
    for server in region.servers:
        yield from _inside(server, "ansible_host", server.address, centres)
    for node in region.plant.nodes:
        if node.address:
            yield from _inside(node, "address", node.address, roads)
    for opd, router in routers(region):
        own = tuple(link.lan for link in opd.links if link.router == router.name)
        yield from _inside(router, "address", router.address, own or (plan.offices,))


def _inside(thing: Declared, key: str, address: IPv4Address, networks: tuple[IPv4Network, ...]) -> Iterable[Finding]:
    if not any(address in network for network in networks):
        wanted = " or ".join(str(network) for network in networks)
        yield Finding(
            thing, key, f"{address} lies outside {wanted}", "see addresses in region.yml and the office's lan"
        )
