"""A port that is named of a backbone device: the device is declared and stands where the port is; a port has one use.

Many links may end on one port (`far`, `onu`): a splitter's branches do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ops.inventory.finding import Finding
from ops.inventory.model import Declared, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import Claim, claimed_twice, links


class _Named(NamedTuple):
    """`thing` names the device and the port under these keys · `use`: as a person calls it · `shared`: with others."""

    port: tuple[str, str]
    thing: Declared
    keys: tuple[str, str]
    use: str
    shared: bool = False


def check(region: Region) -> Iterable[Finding]:
    devices = {device.name: device for device in region.plant.devices}
    for one in _named(region):
        if one.port[0] not in devices:
            what = f"{one.port[0]} is no device of fibre.yml"
            yield Finding(one.thing, one.keys[0], what, nearest_or_all(one.port[0], devices, "device"))
    for segment in region.plant.segments:
        for at, port in enumerate(segment.ports):
            if port.device in devices and devices[port.device].node != port.node:
                what = f"{port.device} stands at {devices[port.device].node}, not at {port.node}"
                yield Finding(segment, f"ports.{at}.node", what, "a port is where its device is")
    yield from claimed_twice(_uses(region), "a port has one use: name another port, or correct one of the two")
    yield from claimed_twice(_onus(region), "an ONU is one office's: correct one of the two")


def _named(region: Region) -> Iterator[_Named]:
    for segment in region.plant.segments:
        for at, port in enumerate(segment.ports):
            keys = (f"ports.{at}.device", f"ports.{at}.ifname")
            yield _Named((port.device, port.ifname), segment, keys, f"segment {segment.name}")
    for upstream in region.upstreams:
        if upstream.port:
            named = (upstream.port.device, upstream.port.ifname)
            yield _Named(named, upstream, ("port.device", "port.ifname"), f"upstream {upstream.name}")
    for opd, link in links(region):
        use = f"the link {opd.code}/{link.name}"
        if link.far:
            far = (link.far.device, link.far.ifname)
            yield _Named(far, link, ("far.device", "far.ifname"), use, shared=True)
        if link.onu:
            yield _Named((link.onu.olt, link.onu.port), link, ("onu.olt", "onu.port"), use, shared=True)


def _uses(region: Region) -> Iterator[Claim]:
    ends: set[tuple[str, str]] = set()
    for one in _named(region):
        if not (one.shared and one.port in ends):
            yield Claim(" ".join(one.port), one.thing, one.keys[1], one.use)
        if one.shared:
            ends.add(one.port)


def _onus(region: Region) -> Iterator[Claim]:
    for opd, link in links(region):
        if link.onu:
            named = f"ONU {link.onu.id} of {link.onu.olt} {link.onu.port}"
            yield Claim(named, link, "onu.id", f"the link {opd.code}/{link.name}")
