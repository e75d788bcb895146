"""A port that is named of a backbone device: the device is declared and stands where the port is; a port has one use.

Many links may end on one port (`far`): a splitter's branches do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ops.inventory.finding import Finding
from ops.inventory.model import Declared, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import Claim, claimed_twice, links


class _Named(NamedTuple):
    """`thing` names it below `key` · `use`: as a person calls it."""

    device: str
    ifname: str
    thing: Declared
    key: str
    use: str


def check(region: Region) -> Iterable[Finding]:
    devices = {device.name: device for device in region.plant.devices}
    for one in _named(region):
        if one.device not in devices:
            what = f"{one.device} is no device of fibre.yml"
            yield Finding(one.thing, f"{one.key}device", what, nearest_or_all(one.device, devices, "device"))
    for segment in region.plant.segments:
        for at, port in enumerate(segment.ports):
            if port.device in devices and devices[port.device].node != port.node:
                what = f"{port.device} stands at {devices[port.device].node}, not at {port.node}"
                yield Finding(segment, f"ports.{at}.node", what, "a port is where its device is")
    yield from claimed_twice(_uses(region), "a port has one use: name another port, or correct one of the two")


def _named(region: Region) -> Iterator[_Named]:
    for segment in region.plant.segments:
        for at, port in enumerate(segment.ports):
            yield _Named(port.device, port.ifname, segment, f"ports.{at}.", f"segment {segment.name}")
    for upstream in region.upstreams:
        if upstream.port:
            used = f"upstream {upstream.name}"
            yield _Named(upstream.port.device, upstream.port.ifname, upstream, "port.", used)
    for opd, link in links(region):
        if link.far:
            yield _Named(link.far.device, link.far.ifname, link, "far.", f"the link {opd.code}/{link.name}")


def _uses(region: Region) -> Iterator[Claim]:
    ends: set[tuple[str, str]] = set()
    for one in _named(region):
        port = (one.device, one.ifname)
        if one.key != "far." or port not in ends:
            yield Claim(" ".join(port), one.thing, f"{one.key}ifname", one.use)
        if one.key == "far.":
            ends.add(port)
