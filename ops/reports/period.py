"""The time that a report is of: a calendar month or year of the region's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ops.errors import UsageError


@dataclass(frozen=True)
class Period:
    """`begin` ≤ t < `end`, Unix seconds; `now` when it is looked at. `name`: 2026-09 for a month, 2026 for a year."""

    name: str
    begin: float
    end: float
    now: float
    zone: ZoneInfo

    @property
    def over(self) -> bool:
        return self.now >= self.end

    @property
    def seen_until(self) -> float:
        return min(self.end, self.now)

    @property
    def last_day(self) -> str:
        """The last day that was seen, as 2026-09-30."""
        return datetime.fromtimestamp(self.seen_until - 1, self.zone).date().isoformat()

    @property
    def promql(self) -> str:
        """Range and moment of a PromQL question over begin < t ≤ what was seen: the same in Prometheus 2, whose ranges
        hold their first moment, and in 3, whose do not."""
        return f"[{round((self.seen_until - self.begin) * 1000) - 1}ms] @ {self.seen_until:.3f}"

    def holds(self, at: float) -> bool:
        return self.begin <= at < self.end


def month_of(name: str, timezone: str, now: float) -> Period:
    """The month `2026-09`. UsageError for another form, and for one that has not begun."""
    zone = ZoneInfo(timezone)
    try:
        begin = datetime.strptime(name, "%Y-%m").replace(tzinfo=zone)
    except ValueError:
        raise UsageError(f"{name!r} is not a month", "write it as 2026-09") from None
    end = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return _begun(Period(f"{begin:%Y-%m}", begin.timestamp(), end.timestamp(), now, zone))


def year_of(name: str, timezone: str, now: float) -> Period:
    """The year `2026`. UsageError for another form, and for one that has not begun."""
    zone = ZoneInfo(timezone)
    try:
        begin = datetime.strptime(name, "%Y").replace(tzinfo=zone)
    except ValueError:
        raise UsageError(f"{name!r} is not a year", "write it as 2026") from None
    end = begin.replace(year=begin.year + 1)
    return _begun(Period(f"{begin:%Y}", begin.timestamp(), end.timestamp(), now, zone))


def last_days(days: int, timezone: str, now: float) -> Period:
    """The `days` before now."""
    return Period(f"{days}d", now - days * 86_400, now, now, ZoneInfo(timezone))


def month_before(timezone: str, now: float) -> str:
    """The name of the month before the one that `now` lies in."""
    first = datetime.fromtimestamp(now, ZoneInfo(timezone)).replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


def _begun(period: Period) -> Period:
    if period.begin > period.now:
        raise UsageError(f"{period.name} has not begun yet")
    return period
