"""The time zone is one that the machine knows (IANA names)."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory import zones
from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    hint = zones.unknown(region.timezone)
    if hint:
        yield Finding(region, "timezone", f"{region.timezone} is no time zone", hint)
