"""When scheduled runs are due. Pure: the caller says what time it is; all instants given back are in UTC.

**Summer time.** A schedule of every hour (its hour field takes all 24) goes by hours that pass: when the clock is put
back it fires in both of the hours with the same name, when it is put forward the hour that there is not has no tick.
Every other schedule fires once for each time of day that it names: at the first of two comings, and for times that the
clock jumps over at the end of the gap, once for all of them together. So a nightly run is neither lost nor doubled, and
one of every five minutes makes no pause of an hour.

cronsim knows summer time too, but chooses between the two by how the fields are written (a leading *), and loses a tick
where clocks are put back by half an hour. So it only counts times on the wall here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from ops.inventory.model import Schedule
from ops.runs.wallclock import first_shown, shown, utc

GRACE = timedelta(minutes=10)  # a tick as old as this still counts as seen in time
FARTHEST = timedelta(days=366)  # a tick older than this is not caught up
MOST = 1000  # skipped ticks are counted so far
WIDEST = timedelta(hours=3)  # no clock is put back by more
_LOOKS = (timedelta(hours=1), timedelta(days=1), timedelta(days=31), FARTHEST)
_ALL_HOURS = frozenset(range(24))


@dataclass(frozen=True, slots=True)
class Due:
    """`ticks` to fire now (one at most) · `skipped`: how many others came and are not fired (MOST: so many or more) ·
    `mark`: what to remember, and to give as `last` next time."""

    ticks: tuple[datetime, ...]
    skipped: int
    mark: datetime


def ticks(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """All ticks in (after, until], oldest first. ValueError for an instant without a zone."""
    end = utc(until)
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
    last, now = utc(last), utc(now)
    newest = _newest(schedule, last, now)
    if newest is None:
        return Due((), 0, last)
    fires = schedule.catch_up == "one" or now - newest <= GRACE
    came = takewhile(lambda tick: tick <= now, _coming(schedule, max(last, now - FARTHEST)))
    skipped = sum(1 for _ in islice(came, MOST + 1)) - int(fires)
    return Due((newest,) if fires else (), min(skipped, MOST), newest)


def _newest(schedule: Schedule, last: datetime, now: datetime) -> datetime | None:
    """The newest tick in (last, now], without counting through all of a long time."""
    for span in _LOOKS:
        after = max(last, now - span)
        found = ticks(schedule, after, now)
        if found or after == last:
            return found[-1] if found else None
    return None


def _coming(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    last = after = utc(after)
    for tick in _instants(schedule.cron, ZoneInfo(schedule.timezone), after):
        if tick > last:  # several times that the clock jumps over are one tick
            last = tick
            yield tick


def _instants(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """In order; among them some that are not after `after`."""
    start = after.astimezone(zone).replace(tzinfo=None)
    times = CronSim(cron, start)  # without a zone: times on the wall, one after the other
    if _ALL_HOURS - times.hours:
        return (first_shown(wall, zone) for wall in times)
    if _offset(after, zone) != _offset(after + WIDEST, zone):
        start -= WIDEST  # the clock may soon be put back to times before this one
    return merge(*(_each_shown(CronSim(cron, start), zone, fold) for fold in (0, 1)))


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _each_shown(times: Iterable[datetime], zone: ZoneInfo, fold: int) -> Iterator[datetime]:
    return (instant for wall in times if (instant := shown(wall, zone, fold)))
