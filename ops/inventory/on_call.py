"""Who is on call at a moment, and the same as Alertmanager's time intervals. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ops.inventory.model import Region
from ops.inventory.roster import Duty, Person

Shift = tuple[datetime, datetime]  # by the region's clock, without a zone
_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class OnCall:
    """One duty at one moment, by the region's clock. `person`: None outside all that was agreed."""

    duty: str
    opds: tuple[str, ...]
    person: Person | None
    begins: datetime | None
    ends: datetime | None


def on_call(region: Region, at: float) -> list[OnCall]:
    """Every duty at that moment (Unix seconds), in the order of the file."""
    wall = datetime.fromtimestamp(at, ZoneInfo(region.timezone)).replace(tzinfo=None)
    return [_of(region, duty, wall) for duty in region.roster.duties]


def shifts(duty: Duty) -> dict[str, list[Shift]]:
    """By person, in order."""
    found: dict[str, list[Shift]] = {}
    for begins, ends, person in duty.shifts:
        found.setdefault(person, []).append((begins, ends))
    return found


def intervals(spans: Iterable[Shift], timezone: str) -> list[dict[str, Any]]:
    """Alertmanager knows times of a day and days of a month, but no weeks: a shift becomes its days.

    A whole shift is at most a part of a day, whole days of each month, and a part of a day.
    """
    return [{**one, "location": timezone} for begins, ends in spans for one in _days(begins, ends)]


def _of(region: Region, duty: Duty, wall: datetime) -> OnCall:
    for begins, ends, name in duty.shifts:
        if begins <= wall < ends:
            return OnCall(duty.name, duty.opds, region.roster.person(name), begins, ends)
    return OnCall(duty.name, duty.opds, None, None, None)


def _days(begins: datetime, ends: datetime) -> Iterator[dict[str, Any]]:
    tomorrow = datetime.combine(begins.date() + timedelta(days=1), _MIDNIGHT)
    if begins.time() != _MIDNIGHT or ends < tomorrow:
        yield _part(begins, min(ends, tomorrow))
        begins = tomorrow
    last = datetime.combine(ends.date(), _MIDNIGHT)
    while begins < last:
        month = min(last, datetime(begins.year + begins.month // 12, begins.month % 12 + 1, 1))  # noqa: DTZ001 # a wall's
        yield _date(begins, f"{begins.day}:{(month - timedelta(days=1)).day}")
        begins = month
    if begins == last and ends > last:
        yield _part(last, ends)


def _part(begins: datetime, ends: datetime) -> dict[str, Any]:
    """Of one day."""
    until = "24:00" if ends.date() > begins.date() else f"{ends:%H:%M}"
    return {"times": [{"start_time": f"{begins:%H:%M}", "end_time": until}], **_date(begins, f"{begins.day}")}


def _date(day: datetime, days: str) -> dict[str, Any]:
    return {"days_of_month": [days], "months": [f"{day.month}"], "years": [f"{day.year}"]}
