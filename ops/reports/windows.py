"""Weekly windows as the stretches of a period that they cover, by the clock of the region. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from ops.inventory.moments import Window
from ops.reports.period import Period
from ops.reports.spans import Span, common, union
from ops.runs.wallclock import first_shown


def spans(windows: Iterable[Window], period: Period) -> list[Span]:
    """Every opening of these windows that lies in the period, cut to it."""
    here = datetime.fromtimestamp(period.begin, period.zone).date() - timedelta(days=2)  # a window may pass midnight
    days = int((period.end - period.begin) // 86_400) + 4
    found = [
        span
        for window in windows
        for step in range(days)
        if (day := here + timedelta(days=step)).weekday() in window.days
        for span in [_opening(window, datetime.combine(day, time()), period.zone)]
    ]
    return common(found, [(period.begin, period.end)])


def moments(dated: Iterable[tuple[datetime, datetime]], period: Period) -> list[Span]:
    """Stretches that were written by the region's clock, cut to the period."""
    found = [tuple(first_shown(one, period.zone).timestamp() for one in pair) for pair in dated]
    return common(union((begin, end) for begin, end in found), [(period.begin, period.end)])


def _opening(window: Window, midnight: datetime, zone: ZoneInfo) -> Span:
    begins, ends = (
        first_shown(midnight + timedelta(minutes=minutes), zone).timestamp() for minutes in (window.begins, window.ends)
    )
    return begins, ends
