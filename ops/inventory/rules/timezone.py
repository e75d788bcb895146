"""The time zone is one that the machine knows (IANA names)."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import did_you_mean


def check(region: Region) -> Iterable[Finding]:
    try:
        ZoneInfo(region.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        if known:  # a machine without time zone data cannot say that a name is wrong
            hint = did_you_mean(region.timezone, known) or "write it as Asia/Jakarta"
            yield Finding(region, "timezone", f"{region.timezone} is no time zone", hint)
