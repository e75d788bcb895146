"""May these offices be changed now, and if not, when? Pure: the caller says what time it is.

Windows and freezes are declared by the clock on the wall. Each begins and ends at the first moment at which that clock
shows the time, or has jumped over it; so none is open twice when the clock is put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ops.inventory.model import Freeze, Opd, Region
from ops.inventory.moments import Window
from ops.runs.wallclock import first_shown, utc

AHEAD = timedelta(days=8)  # windows come every week: what is not open within this never is
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`why` not, and when it `opens` (in UTC; None when no common window comes)."""

    ok: bool
    why: str = ""
    opens: datetime | None = None


def may_change(region: Region, opds: Iterable[str], at: datetime) -> Verdict:
    """Whether these offices may be changed at that instant.

    A freeze without offices stops every change, one with offices only changes to those. An office without windows is
    always open, and so is one that is declared no longer (its things are being taken away), and a change that touches
    no office at all. ValueError for an instant without a zone.
    """
    asked, at = _Asked(region, frozenset(opds)), utc(at)
    why = asked.frozen(at) or asked.closed(at)
    return Verdict(ok=False, why=why, opens=asked.opens(at)) if why else Verdict(ok=True)


class _Asked:
    """The calendar of some offices together."""

    def __init__(self, region: Region, codes: frozenset[str]) -> None:
        self._name, self._zone = region.timezone, ZoneInfo(region.timezone)
        self._freezes = [one for one in region.policies.freezes if not one.opds or codes & set(one.opds)]
        self._offices = [opd for opd in region.opds if opd.code in codes and opd.maintenance]
        self._windows = {opd.maintenance for opd in self._offices}  # many offices share one set

    def frozen(self, at: datetime) -> str:
        """Why nothing may be changed then; "" when no freeze holds."""
        for freeze in self._freezes:
            begins, ends = self._span(freeze)
            if begins <= at < ends:
                return f"frozen from {freeze.since} until {freeze.until}: {freeze.reason} ({freeze.line})"
        return ""

    def closed(self, at: datetime) -> str:
        """Which offices' windows are closed then, and what they are; "" when all are open."""
        shut = [opd for opd in self._offices if _opening(opd.maintenance, self._zone, at) != at]
        if not shut:
            return ""
        more = f" and of {len(shut) - 1} more" if len(shut) > 1 else ""
        return f"outside the maintenance window of {_hours(shut[0])}{more}, by the clock of {self._name}"

    def opens(self, at: datetime) -> datetime | None:
        """The first instant from `at` on at which no freeze holds and all windows are open."""
        while True:
            thawed = max((ends for begins, ends in map(self._span, self._freezes) if begins <= at < ends), default=at)
            opened = self._all_open(thawed)
            if opened is None or opened == at:
                return opened
            at = opened  # which may lie in the next freeze

    def _all_open(self, at: datetime) -> datetime | None:
        limit = at + AHEAD
        while at <= limit:
            openings = [_opening(windows, self._zone, at) for windows in self._windows]
            later = max((one for one in openings if one), default=at)
            if None in openings or later == at:
                return None if None in openings else at
            at = later
        return None

    def _span(self, freeze: Freeze) -> tuple[datetime, datetime]:
        return first_shown(freeze.begins, self._zone), first_shown(freeze.ends, self._zone)


def _opening(windows: tuple[Window, ...], zone: ZoneInfo, at: datetime) -> datetime | None:
    """`at` itself when one of the windows is open then, else when the next one opens."""
    here = at.astimezone(zone).date()
    spans = (
        (first_shown(midnight + window.begins * _MINUTE, zone), first_shown(midnight + window.ends * _MINUTE, zone))
        for window in windows
        for midnight in _midnights(window, here)
    )
    return min((max(begins, at) for begins, ends in spans if begins < ends and ends > at), default=None)


def _midnights(window: Window, here: date) -> Iterator[datetime]:
    """The window's days from yesterday (it may pass midnight) to a week from here."""
    for step in range(-1, AHEAD.days + 1):
        day = here + timedelta(days=step)
        if day.weekday() in window.days:
            yield datetime.combine(day, time())


def _hours(opd: Opd) -> str:
    return f"{opd.code} ({'; '.join(map(str, opd.maintenance))})"
