"""Every link has a transport network of its own, and the router an address that it can use there."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Link, Region
from ops.inventory.walk import links, network_span, overlapping


def check(region: Region) -> Iterable[Finding]:
    spans = [network_span(link.address.network, link, "address", f"{opd.code}'s link") for opd, link in links(region)]
    yield from overlapping(spans, "take the next free /30 of addresses.transport")
    for _, link in links(region):
        yield from _one(region, link)


def _one(region: Region, link: Link) -> Iterable[Finding]:
    network, transport = link.address.network, region.addresses.transport
    if not network.subnet_of(transport):
        what = f"{link.address} lies outside the transport addresses {transport}"
        yield Finding(link, "address", what, "see addresses.transport in region.yml")
    if network.prefixlen not in (30, 31):
        yield Finding(link, "address", f"{link.address} is no point-to-point network", "write a /30 or a /31")
    elif network.prefixlen == 30 and link.address.ip in (network.network_address, network.broadcast_address):  # noqa: PLR2004 # /30
        usable = f"{network.network_address + 1} or {network.network_address + 2}"
        yield Finding(link, "address", f"{link.address.ip} is no host address of {network}", f"use {usable}")
