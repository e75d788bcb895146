"""A link's router is one of its office, a router's site too, and no port is used twice."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Opd, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import Claim, claimed_twice


def check(region: Region) -> Iterable[Finding]:
    for opd in region.opds:
        routers, sites = {router.name for router in opd.routers}, {site.name for site in opd.sites}
        for link in opd.links:
            if link.router not in routers:
                what = f"{link.router} is no router of {opd.code}"
                yield Finding(link, "router", what, nearest_or_all(link.router, routers, "router"))
        for router in opd.routers:
            if router.site not in sites:
                what = f"{router.site} is no site of {opd.code}"
                yield Finding(router, "site", what, nearest_or_all(router.site, sites, "site"))
        yield from claimed_twice(_ports(opd), "each link needs a fibre port and a LAN port of its own")


def _ports(opd: Opd) -> Iterable[Claim]:
    for link in opd.links:
        for key in ("ifname", "lan_ifname"):
            yield Claim(f"{link.router} {getattr(link, key)}", link, key, f"link {link.name}")
