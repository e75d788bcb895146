"""What can be declared of the calendar: schedules (schedules.yml) and freezes (region.yml)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, get_args

from pydantic import ConfigDict, Field

from ops.inventory.declared import Declared
from ops.inventory.moments import Arguments, Cron, Moment
from ops.inventory.scalars import Code, Name, Title

JobKind = Literal[
    "apply",
    "provision",
    "drift",
    "drift-repair",
    "config-backup",
    "backup",
    "backup-collect",
    "drill",
    "drill-inject",
    "drill-service",
    "drill-failover",
    "copy",
    "rot-scan",
    "prune",
    "quarantine",
    "call-test",
    "throughput",
    "router-settings",
    "report",
    "status-page",
    "silence",
    "voip-check",
    "voip-restart",
    "voip-rotate",
    "call-records",
]
JOB_KINDS: tuple[str, ...] = get_args(JobKind)


class Schedule(Declared):
    """A job that runs by the calendar; `ops.runs.calendar` says when."""

    name: Name
    job: JobKind
    cron: Cron = Field(description="minute hour day-of-month month day-of-week")
    timezone: str = Field(default="", description="IANA name; the region's own when not written")
    catch_up: Literal["one", "none"] = Field(
        default="one", description="after an outage run the newest missed time, or wait for the next"
    )
    args: Arguments = Field(default={}, description="the job's arguments, each a text or a list of texts")
    each: Literal["none", "opd", "host"] = Field(
        default="none", description="one run for all, or one run per office or per server"
    )


class Agenda(Declared):
    schedules: tuple[Schedule, ...] = ()


class Freeze(Declared):
    """A time in which nothing is changed."""

    # in the file it says from, which is no name in Python
    model_config = ConfigDict(populate_by_name=False)

    since: Moment = Field(alias="from", description="by the region's clock; a date begins at its midnight")
    until: Moment = Field(description="by the region's clock; a date is frozen to its end")
    opds: tuple[Code, ...] = Field(default=(), description="offices that it is for; all when none is named")
    reason: Title

    @property
    def begins(self) -> datetime:
        """By the region's clock, without a zone."""
        return datetime.fromisoformat(self.since)

    @property
    def ends(self) -> datetime:
        """The first moment after it, by the region's clock, without a zone."""
        until = datetime.fromisoformat(self.until)
        return until if ":" in self.until else until + timedelta(days=1)
