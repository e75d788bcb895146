"""When scheduled runs are due. Pure: the caller says what time it is; all instants given back are in UTC.

**Summer time.** A schedule of every hour (its hour field takes all 24) goes by hours that pass: when the clock is put
back it fires in both of the hours with the same name, when it is put forward the hour that there is not has no tick.
Every other schedule fires once for each time of day that it names: at the first of two comings, and for times that the
clock jumps over at the end of the gap, once for all of them together. So a nightly run is neither lost nor doubled, and
one of every five minutes makes no pause of an hour.

cronsim does both, but chooses by how the fields are written (a leading * means the first); we choose by what they say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from ops.inventory.model import Schedule

GRACE = timedelta(minutes=10)  # a tick as old as this still counts as seen in time
FARTHEST = timedelta(days=366)  # a tick older than this is not caught up
_ALL_HOURS = frozenset(range(24))


@dataclass(frozen=True, slots=True)
class Due:
    """`ticks` to fire now (one at most) · `skipped`: how many others came and are not fired · `mark`: what to remember,
    and to give as `last` next time."""

    ticks: tuple[datetime, ...]
    skipped: int
    mark: datetime


def ticks(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """All ticks in (after, until], oldest first. ValueError for an instant without a zone."""
    end = _utc(until)
    return list(takewhile(lambda tick: tick <= end, _coming(schedule, after)))


def next_tick(schedule: Schedule, after: datetime) -> datetime | None:
    """The first tick later than `after`; None when none comes in 50 years. ValueError for an instant without a zone."""
    return next(_coming(schedule, after), None)


def due(schedule: Schedule, last: datetime, now: datetime) -> Due:
    """What to fire at `now`, when all ticks up to `last` have been dealt with.

    `last` is the `mark` of the time before, and at first the instant at which the schedule became known. Of several
    ticks only the newest is fired, and with `catch_up: none` only within GRACE. `mark` never goes back: a clock that is
    put back fires nothing until it has passed the mark again. (A mark far ahead of now says that a clock was wrong.)
    ValueError for an instant without a zone.
    """
    last, now = _utc(last), _utc(now)
    came = ticks(schedule, max(last, now - FARTHEST), now)
    if not came:
        return Due((), 0, last)
    newest = came[-1]
    fires = schedule.catch_up == "one" or now - newest <= GRACE
    return Due((newest,) if fires else (), len(came) - int(fires), newest)


def _coming(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    after = _utc(after)
    for local in CronSim(_unambiguous(schedule.cron), after.astimezone(ZoneInfo(schedule.timezone))):
        tick = local.astimezone(UTC)
        if tick > after:  # when the clock shows a time for the second time, cronsim gives the first, which is over
            yield tick


@lru_cache(maxsize=1024)
def _unambiguous(cron: str) -> str:
    """The same times, written so that cronsim treats summer time by their meaning."""
    minute, hour, *days = cron.split()
    if frozenset(CronSim(cron, datetime(2000, 1, 1)).hours) == _ALL_HOURS:  # noqa: DTZ001 # only read, not run
        return " ".join((minute, "*", *days))
    return " ".join((_spelt(minute, "0-59"), _spelt(hour, "0-23"), *days))


def _spelt(field: str, every: str) -> str:
    return every + field[1:] if field.startswith("*") else field


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)
