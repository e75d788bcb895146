"""From the time that a clock on a wall shows to the instants at which it does. Pure; instants are in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)


def utc(moment: datetime) -> datetime:
    """The same instant in UTC. ValueError for one without a zone, which would be taken for this machine's."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)


def first_shown(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a clock there shows `wall` for the first time, or first shows a later minute because it jumps over it."""
    while True:
        instant = shown(wall, zone, 0)
        if instant:
            return instant
        wall += _MINUTE


def shown(wall: datetime, zone: ZoneInfo, fold: int) -> datetime | None:
    """When a clock there shows `wall`: for the first time (fold 0) or the last (fold 1); None when it never does."""
    instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None) == wall else None
