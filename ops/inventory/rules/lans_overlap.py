"""No two offices use the same addresses."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import links, network_span, overlapping


def check(region: Region) -> Iterable[Finding]:
    spans = [network_span(link.lan, link, "lan", opd.code) for opd, link in links(region)]
    return overlapping(spans, "give each link a LAN of its own")
