"""Nothing is applied or repaired by the calendar: an apply is of one plan, which somebody has read."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    for schedule in region.schedules:
        if schedule.job == "apply":
            what = "apply may not be scheduled: it needs a plan that somebody has read"
            yield Finding(schedule, "job", what, "schedule drift, which tells what differs")
        if schedule.job == "drift-repair":
            what = "drift-repair may not be scheduled: somebody must see what was changed by hand"
            yield Finding(schedule, "job", what, "schedule drift, which tells what differs")
