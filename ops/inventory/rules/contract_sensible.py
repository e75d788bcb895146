"""A contract promises some bandwidth, no more than its upstream has, and no more availability."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Link, Region, Upstream
from ops.inventory.walk import links

_M = 1_000_000
_SLOWEST = 64_000  # bits per second; below it not even SNMP gets through
_LATENCY = 2.0  # seconds; a satellite needs 0.6


def check(region: Region) -> Iterable[Finding]:
    upstreams = {upstream.name: upstream for upstream in region.upstreams}
    for _, link in links(region):
        upstream = upstreams.get(link.contract.upstream)
        if upstream:
            yield from _one(link, upstream)


def _one(link: Link, upstream: Upstream) -> Iterable[Finding]:
    contract = link.contract
    for way in ("download", "upload"):
        promised = getattr(contract, way)
        if promised > upstream.bandwidth:
            what = f"{promised / _M:g}M is more than all of {upstream.name}, {upstream.bandwidth / _M:g}M"
            yield Finding(link, f"contract.{way}", what, "k, M and G are thousands, millions and thousand millions")
        if promised < _SLOWEST:
            yield Finding(link, f"contract.{way}", f"{promised} bit/s is less than 64k", "write 20M for 20 Mbit/s")
    if contract.availability > upstream.availability:
        what = f"{contract.availability:g}% is more than {upstream.name} promises, {upstream.availability:g}%"
        yield Finding(link, "contract.availability", what, "an office cannot be up more than its upstream")
    if not 0 < contract.latency <= _LATENCY:
        yield Finding(link, "contract.latency", f"{contract.latency:g} s is no latency", "write it as 20ms")
