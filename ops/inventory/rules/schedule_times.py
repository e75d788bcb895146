"""A schedule's five fields say a time that comes, in a time zone that the machine knows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ops.inventory import zones
from ops.inventory.finding import Finding
from ops.inventory.model import Region

_FORM = "minute hour day-of-month month day-of-week, as 0 1 * * * for every day at 01:00"


def check(region: Region) -> Iterable[Finding]:
    for schedule in region.schedules:
        wrong = _wrong(schedule.cron)
        if wrong:
            yield Finding(schedule, "cron", f"{schedule.cron} {wrong}", _FORM)
        if schedule.timezone != region.timezone:
            hint = zones.unknown(schedule.timezone)
            if hint:
                yield Finding(schedule, "timezone", f"{schedule.timezone} is no time zone", hint)


def _wrong(cron: str) -> str:
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 # only a region with schedules needs it

    try:
        comes = next(CronSim(cron, datetime(2000, 1, 1)), None)  # noqa: DTZ001 # whether, not when
    except CronSimError as error:
        return f"is no time: {str(error).lower()}"
    return "" if comes else "never comes"
