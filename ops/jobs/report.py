"""The monthly reports: one per office, one for the regency's head, one of the upstreams (ops/reports)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporters.fibre_read import prometheus_of
from ops.jobs import config_backup
from ops.progress import Event, Progress, State, silent
from ops.reports import files
from ops.reports.kept import Facts
from ops.reports.measured import Measured
from ops.reports.office import office
from ops.reports.period import Period, month_before, month_of
from ops.reports.records import Beside, records
from ops.reports.region import region_page
from ops.reports.upstream import upstream_page
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.world import World

STEP = "report"
_STATES = {"ok": State.OK, "bad": State.FAILED, "none": State.SKIPPED}


def _scope(world: World, _args: Args) -> Scope:
    return Scope(tuple(opd.code for opd in world.region.opds), (), ("reports",))


@job("report", "write the monthly reports", scope=_scope, takes=("month", "prometheus"), timeout=HOURS, priority=8)
def REPORT(run: Inside) -> Verdict:
    """Of `month`, by default the one before this one."""
    now = time.time()
    zone = run.world.region.timezone
    period = month_of(str(run.args.get("month") or month_before(zone, now)), zone, now)
    drifts = [one for one in run.results("drift", period.begin) if "at" in one]
    asked = Asked(run.world, period, str(run.args.get("prometheus") or "") or prometheus_of(run.world), drifts)
    written = report(asked, run.progress)
    return Verdict({"month": period.name, "files": [str(path) for path in written]})


@dataclass(frozen=True)
class Asked:
    """Of what and from where. `drifts`: summaries of drift jobs, which the job history holds."""

    world: World
    period: Period
    prometheus: str | None
    drifts: Iterable[Mapping[str, Any]] = ()

    @property
    def beside(self) -> Beside:
        routers = [router.name for opd in self.world.region.opds for router in opd.routers]
        found = {name: (config_backup.seen(self.world, name), _changes(self.world, name)) for name in routers}
        return Beside(tuple(self.drifts), found)


def report(asked: Asked, progress: Progress = silent) -> list[Path]:
    """Write `<state>/reports/<month>/<code or _region or _upstream>.{id.html,en.html,id.pdf,json}`; sorted.

    OpsError when nothing can be written. A figure that there is not stands in the report with its reason.
    """
    region, period = asked.world.region, asked.period
    folder = files.folder_of(asked.world.state, period.name)
    measured = Measured(asked.prometheus)
    offices, made = facts(asked, measured), []
    for found in offices:
        made += files.write(folder, found["opd"], found)
        missing = ", ".join(sorted({one["figure"].partition(".")[0] for one in found["missing"]})) or "nothing"
        progress(Event(STEP, found["opd"], _STATES[found["state"]], f"missing: {missing}"))
    made += files.write(folder, "_region", region_page(region, period, offices))
    made += files.write(folder, "_upstream", upstream_page(region, period, measured))
    return sorted(made)


def facts(asked: Asked, measured: Measured, opds: Iterable[str] = ()) -> list[Facts]:
    """Of these offices, or of all."""
    region, wanted = asked.world.region, set(opds)
    kept = records(asked.world, asked.beside)
    return [
        office(opd, region, asked.period, measured, kept) for opd in region.opds if not wanted or opd.code in wanted
    ]


def _changes(world: World, router: str) -> list[float]:
    return [commit.at for commit in config_backup.changed_since(world, router)]
