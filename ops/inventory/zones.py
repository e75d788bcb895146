"""Names of time zones."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ops.inventory.nearest import did_you_mean


def unknown(name: str) -> str:
    """What to write instead of a name that is no IANA time zone; "" for one that is."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        # a machine without time zone data cannot say that a name is wrong
        return (did_you_mean(name, known) or "write it as Asia/Jakarta") if known else ""
    return ""
