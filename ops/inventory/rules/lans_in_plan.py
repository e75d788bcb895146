"""Every LAN lies in the part of the address plan that is for offices."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import links


def check(region: Region) -> Iterable[Finding]:
    plan = region.addresses.offices
    for _, link in links(region):
        if not link.lan.subnet_of(plan):
            what = f"{link.lan} lies outside the offices' addresses {plan}"
            yield Finding(link, "lan", what, "see addresses.offices in region.yml")
