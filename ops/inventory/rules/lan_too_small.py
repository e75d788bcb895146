"""A LAN has room for its router and at least one machine."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import links, routers

_LONGEST_PREFIX = 30


def check(region: Region) -> Iterable[Finding]:
    for _, link in links(region):
        if link.lan.prefixlen > _LONGEST_PREFIX:
            yield Finding(link, "lan", f"{link.lan} has no room for a router and a machine", "write a /24 to a /30")
    lans = {link.router: link.lan for _, link in links(region)}
    for _, router in routers(region):
        lan = lans.get(router.name)
        if lan and lan.prefixlen <= _LONGEST_PREFIX and router.address in (lan.network_address, lan.broadcast_address):
            usable = f"{lan.network_address + 1} to {lan.broadcast_address - 1}"
            yield Finding(router, "address", f"{router.address} is no host address of {lan}", f"use {usable}")
