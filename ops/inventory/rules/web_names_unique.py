"""No name below the domain is used twice, and none that the suite itself publishes there."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Claim, claimed_twice, webs

_OWN = ("station", "provision", "pbx", "pbx2", "www", "ns1", "ns2", "ns3", "ns4", "hostmaster")


def check(region: Region) -> Iterable[Finding]:
    return claimed_twice(_claims(region), "choose another label")


def _claims(region: Region) -> Iterable[Claim]:
    for label in _OWN:
        yield Claim(label, region, "domain", "the region's own records")
    for server in region.servers:
        yield Claim(server.name.lower(), server, "", f"server {server.name}")
    for opd, web in webs(region):
        yield Claim(web.name, web, "name", opd.code)
        for at, alias in enumerate(web.aliases):
            yield Claim(alias, web, f"aliases.{at}", opd.code)
