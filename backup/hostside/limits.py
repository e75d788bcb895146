"""How fast a host may send at which hour, so that a backup does not take the office's line in working hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Window = Mapping[str, object]  # {"from": "07:00", "until": "17:00", "kib_per_second": 1000}


def words(windows: Sequence[Window], timezone: str, now: float) -> list[str]:
    """restic's words for this moment (epoch seconds); none outside of every window. Of several the slowest counts.

    A window that ends before it begins goes over midnight.
    """
    if not windows:
        return []
    import datetime as dt  # noqa: PLC0415 # most regions have no such hours
    import zoneinfo  # noqa: PLC0415

    at = dt.datetime.fromtimestamp(now, zoneinfo.ZoneInfo(timezone)).strftime("%H:%M")
    found = [int(str(one["kib_per_second"])) for one in windows if _holds(str(one["from"]), str(one["until"]), at)]
    return ["--limit-upload", str(min(found))] if found else []


def _holds(begin: str, end: str, at: str) -> bool:
    return begin <= at < end if begin < end else at >= begin or at < end
