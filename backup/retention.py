"""Which counted backups the retention policy keeps. Pure; the rule of restic's `forget --keep-within-*`.

restic would judge all snapshots that bear the set's tag, by the source host's clock: whoever holds a stolen client's
password puts snapshots of its own late into every day, and each takes the place of the good one of that day. So only
what the ledger counts is judged, and by the station's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ops.inventory.model import RetentionPolicy

Bucket = Callable[[datetime], tuple[int, ...]]


def unwanted(counted: Iterable[Mapping[str, Any]], policy: RetentionPolicy, zone: str) -> list[str]:
    """Ids of the data snapshots that go; `counted`: ledger lines of backups that are there. Sources do not mix."""
    groups: dict[tuple[Any, Any], dict[str, datetime]] = {}
    for line in counted:
        taken = datetime.fromtimestamp(float(line["taken"]), ZoneInfo(zone))
        groups.setdefault((line.get("server"), line.get("path")), {})[str(line["snapshot"])] = taken
    return sorted(name for group in groups.values() for name in group.keys() - _kept(group, policy))


def _kept(group: Mapping[str, datetime], policy: RetentionPolicy) -> set[str]:
    """Of each day, week and month that lies within its span before the newest, the last one; all without a policy."""
    newest_first = sorted(group, key=lambda name: group[name], reverse=True)
    newest, kept = group[newest_first[0]], set[str]()
    if not (policy.daily or policy.weekly or policy.monthly):
        return set(newest_first)
    for since, bucket in (
        (newest - timedelta(days=policy.daily), _day),
        (newest - timedelta(weeks=policy.weekly), _week),
        (_months_before(newest, policy.monthly), _month),
    ):
        kept |= _last_of_each(newest_first, group, since, bucket)
    return kept


def _last_of_each(
    newest_first: Sequence[str], group: Mapping[str, datetime], since: datetime, bucket: Bucket
) -> set[str]:
    found: dict[tuple[int, ...], str] = {}
    for name in newest_first:
        if group[name] > since:
            found.setdefault(bucket(group[name]), name)
    oldest = newest_first[-1]  # kept too while it lies within the span: so the history reaches back as far as asked
    return {*found.values(), *([oldest] if group[oldest] > since else [])}


def _day(at: datetime) -> tuple[int, ...]:
    return at.year, at.month, at.day


def _week(at: datetime) -> tuple[int, ...]:
    return at.isocalendar()[:2]


def _month(at: datetime) -> tuple[int, ...]:
    return at.year, at.month


def _months_before(at: datetime, months: int) -> datetime:
    """A day that the month does not have counts on into the next, as Go (and so restic) has it."""
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    return at.replace(year=year, month=month + 1, day=1) + timedelta(days=at.day - 1)
