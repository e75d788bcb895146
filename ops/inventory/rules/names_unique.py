"""A name means one thing: within its office, its file, or the region."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import BackupSet, FibreNode, Link, Region, Router, Segment, Site, Upstream
from ops.inventory.walk import Claim, claimed_twice, routers

_HINT = "choose another name"
_Named = Site | Link | Router | BackupSet | Segment | FibreNode | Upstream


def check(region: Region) -> Iterable[Finding]:
    yield from _unique(region.upstreams, "another upstream")
    yield from _unique(region.plant.nodes, "another node")
    yield from _unique(region.plant.segments, "another segment")
    yield from claimed_twice(_machines(region), _HINT)
    yield from claimed_twice((Claim(opd.code, opd, "code", opd.name) for opd in region.opds), _HINT)
    for opd in region.opds:
        for named in (opd.sites, opd.links, opd.backup):
            yield from _unique(named, "another one of this office")


def _unique(things: Iterable[_Named], owner: str) -> Iterable[Finding]:
    return claimed_twice((Claim(thing.name, thing, "name", owner) for thing in things), _HINT)


def _machines(region: Region) -> Iterable[Claim]:
    """Servers, routers and backbone devices share one name space: all are hosts to monitoring, most to plans too."""
    for server in region.servers:
        yield Claim(server.name, server, "", f"server {server.name}")
    for opd, router in routers(region):
        yield Claim(router.name, router, "name", f"a router of {opd.code}")
    for device in region.plant.devices:
        yield Claim(device.name, device, "name", f"a device at {device.node}")
