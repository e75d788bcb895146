"""The four parts of a region's address plan do not overlap."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import network_span, overlapping

_PARTS = ("datacentre", "drc", "transport", "offices")


def check(region: Region) -> Iterable[Finding]:
    plan = region.addresses
    spans = [network_span(getattr(plan, part), plan, part, f"addresses.{part}") for part in _PARTS]
    return overlapping(spans, "an address must say which part of the region it belongs to")
