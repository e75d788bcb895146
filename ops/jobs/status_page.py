"""The public status page, made anew by the calendar and put on the web servers (ops/reports/public_site.py)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from exporters.fibre_read import prometheus_of
from ops.errors import OpsError, PartlyAppliedError
from ops.progress import Event, Progress, State, silent
from ops.reports.measured import Measured
from ops.reports.public_days import history
from ops.reports.public_facts import DAYS, Public, public
from ops.reports.public_site import site
from ops.reports.publish import publish, push
from ops.reports.records import records
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job
from ops.world import World

STEP = "status page"
UPSTREAMS = "max by (upstream) (opd_upstream_up)"


def _scope(_world: World, _args: Args) -> Scope:
    return Scope((), (), ("status-page",))


@job("status-page", "publish the public status page and its open data", scope=_scope, timeout=1800.0, priority=7)
def STATUS_PAGE(run: Inside) -> Verdict:
    placed, failed = status_page(run.world, prometheus_of(run.world), run.progress)
    error = PartlyAppliedError(f"not placed on {', '.join(failed)}", "mend them, then try again") if failed else None
    return Verdict({"placed": placed, "failed": failed}, error)


def status_page(
    world: World, prometheus: str | None, progress: Progress = silent, now: float | None = None
) -> tuple[list[str], list[str]]:
    """Put it into the state folder and on every web server; (where it is, which servers failed)."""
    now = time.time() if now is None else now
    files = site(gather(world, prometheus, now))
    here = publish(files, world.state / "status-page" / "page", _stamp(now))
    placed, failed = [str(here)], []
    for server in () if world.loopback else world.region.group("web"):
        try:
            push(files, world.fleet.on(server.name), _stamp(now))
        except OpsError as error:
            progress(Event(STEP, server.name, State.FAILED, error.what))
            failed.append(server.name)
        else:
            progress(Event(STEP, server.name, State.OK, f"{len(files)} files"))
            placed.append(server.name)
    return placed, failed


def publish_to(world: World, prometheus: str | None, to: Path, now: float | None = None) -> Mapping[str, bytes]:
    """Put it into a folder of this machine alone; its files."""
    now = time.time() if now is None else now
    files = site(gather(world, prometheus, now))
    publish(files, to, _stamp(now))
    return files


def gather(world: World, prometheus: str | None, now: float) -> Public:
    """What the public is told now. Days that are over are kept in `<state>/status-page/days`."""
    measured = Measured(prometheus)
    days = history(world.region, measured, world.state / "status-page" / "days", now, DAYS)
    upstreams = [one.value for one in measured.vector(UPSTREAMS) if one.labels.get("upstream")]
    return public(world.region, days, records(world).calls, upstreams)


def _stamp(now: float) -> str:
    """Sorted by time; two in one second are the same publication."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
