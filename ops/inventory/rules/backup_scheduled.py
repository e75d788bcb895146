"""Where backups are scheduled, every set is in one of the schedules, and that one comes often enough for its RPO.

A region without any scheduled backup is left alone: something else takes them. Times are compared by the wall clock, so
that the one long day of a zone with summer time is no reason to refuse a nightly backup with an RPO of a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice, pairwise, takewhile

from ops.inventory.finding import Finding
from ops.inventory.model import BackupSet, Opd, Region, Schedule
from ops.inventory.rules.backup_times import EVERY
from ops.inventory.walk import backups, named_in

_LOOKED_AT = 250  # times of one schedule: hourly for ten days, nightly for all of the span
_FROM, _UNTIL = datetime(2001, 1, 1), datetime(2001, 4, 1)  # noqa: DTZ001 # any three months, by the wall clock
_HOUR = 3600


def check(region: Region) -> Iterable[Finding]:
    if region.recovery.taken_by == "hosts":
        yield from _by_hosts(region)
        return
    waits = [(schedule, _longest_wait(schedule.cron)) for schedule in region.schedules if schedule.job == "backup"]
    if not waits:
        return
    for opd, kept in backups(region):
        mine = [(_wait(schedule, wait, kept), schedule) for schedule, wait in waits if _covers(schedule, opd, kept)]
        if not mine:
            what = f"{kept.name} is in no schedule with job: backup"
            yield Finding(kept, "name", what, "take it into one of schedules.yml")
            continue
        wait, schedule = min(mine, key=lambda one: one[0])
        if wait > kept.rpo:
            what = (
                f"losing {_hours(kept.rpo)} at most, but {schedule.name} may leave {_hours(wait)} between two backups"
            )
            yield Finding(kept, "rpo", what, f"schedule it more often ({schedule.line})")


def _by_hosts(region: Region) -> Iterable[Finding]:
    """Hosts have their own timers: the station counts what they leave, and takes nothing a second time."""
    jobs = [schedule for schedule in region.schedules if schedule.job in {"backup", "backup-collect"}]
    for schedule in jobs:
        if schedule.job == "backup":
            hint = "say job: backup-collect, or taken_by: station in drc.yml"
            yield Finding(schedule, "job", f"{schedule.name} takes what the hosts take by themselves", hint)
    if region.schedules and all(schedule.job == "backup" for schedule in jobs):
        hint = "schedule job: backup-collect a few times an hour"
        yield Finding(region.recovery, "taken_by", "nothing counts what the hosts back up", hint)


def _covers(schedule: Schedule, opd: Opd, kept: BackupSet) -> bool:
    opds = {name for _, name in named_in(schedule, "opd")}
    sets = {name for _, name in named_in(schedule, "set")}
    return (not opds or opd.code in opds) and (not sets or bool(sets & {kept.name, f"{opd.code}.{kept.name}"}))


def _wait(schedule: Schedule, longest: float, kept: BackupSet) -> float:
    """With `only: due` a schedule passes over a set until its own time has come."""
    return max(longest, EVERY.get(kept.schedule, 0)) if schedule.args.get("only") == "due" else longest


def _longest_wait(cron: str) -> float:
    """Seconds between two of its times at most, as far as looked at; all of that span for what does not come in it."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 # only a region with schedules needs it

    try:
        soon = takewhile(lambda time: time < _UNTIL, CronSim(cron, _FROM))
        times = [_FROM, *islice(soon, _LOOKED_AT)]
    except CronSimError:
        times = [_FROM]  # another rule's finding
    if len(times) <= _LOOKED_AT:
        times.append(_UNTIL)
    return max((later - one).total_seconds() for one, later in pairwise(times))


def _hours(seconds: float) -> str:
    return f"{round(seconds / _HOUR, 1):g} h"
