"""The main job in one go on a twin: boot, provision, apply, measure, call, back up, drill; each part must hold."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from backup import layout
from backup.evidence import span
from exporters import read
from ops import reconcile
from ops.errors import DrillFailedError, OpsError
from ops.jobs import backup, drill, seed, station, status
from ops.jobs.call_test import call_test
from ops.jobs.provision import provision
from ops.progress import Event, Progress, State
from ops.system import netns
from ops.twin import lifecycle, traffic
from ops.world import World

REASON = "first build of a twin"
FLOW = traffic.Flow(upload=4_000_000, download=8_000_000, seconds=36.0)  # below every contract of the demonstration
WINDOW_SECONDS = 25  # lies inside the flow and holds at least two scrapes of 10 s
TOLERANCE = 0.15  # share by which the measured bandwidth may differ from what was sent
SCRAPED_SECONDS = 90.0  # until every router was asked once
CALL_SECONDS = 4.0


@dataclass
class Part:
    """One line of the closing table. `held` is None while it has not been tried."""

    name: str
    indonesian: str
    held: bool | None = None
    figure: str = ""
    seconds: float = 0.0


@dataclass
class Report:
    """What the demonstration showed. `pages`: files for a person to open, by what they are."""

    parts: list[Part] = field(default_factory=list)
    pages: dict[str, Path] = field(default_factory=dict)
    world: World | None = None

    @property
    def held(self) -> bool:
        return bool(self.parts) and all(part.held for part in self.parts)


@dataclass(frozen=True)
class Cast:
    """Who plays in the demonstration: offices by code, sets by name, and where the pages go."""

    caller: str
    called: str
    measured: str
    sets: tuple[str, ...]
    pages: Path


def run(inventory: Path, name: str, cast: Cast, progress: Progress) -> Report:
    """Do everything; a part that fails is named in the report, and the parts after it are tried all the same."""
    report = Report()
    steps: list[tuple[str, str, Callable[[World], str]]] = [
        ("provision the servers", "membangun server", lambda world: _provision(world, progress)),
        ("apply what follows", "menerapkan rencana", lambda world: _apply(world, progress)),
        ("a second plan is empty", "rencana kedua kosong", _second_plan),
        ("measure an office", "mengukur satu kantor", lambda world: _measure(world, cast, progress)),
        ("call from office to office", "menelepon antarkantor", lambda world: _call(world, cast, progress)),
        ("back up", "mencadangkan", lambda world: _back_up(world, cast, progress)),
        ("restore and prove", "memulihkan dan membuktikan", lambda world: _drill(world, cast, report, progress)),
    ]
    report.parts = [Part("boot the twin", "menyalakan kembaran")]
    report.parts += [Part(name, indonesian) for name, indonesian, _ in steps]
    with _timed(report.parts[0], progress):
        report.world = lifecycle.up(inventory, name, progress)
        report.parts[0].figure = f"{len(report.world.region.servers)} servers, {_routers(report.world)} office routers"
    if report.world is None or not report.world.station:
        return report
    with netns.inside(report.world.station):
        for part, (_, _, step) in zip(report.parts[1:], steps, strict=True):
            with _timed(part, progress):
                part.figure = step(report.world)
        report.pages["status page"] = _status(report.world, cast, report)
    return report


@contextmanager
def _timed(part: Part, progress: Progress) -> Iterator[None]:
    """Time one part; a failure that a person can mend is its figure, and the demonstration goes on."""
    begun = time.monotonic()
    progress(Event(part.name, "", State.RUNNING))
    try:
        yield
        part.held = True
    except OpsError as error:
        part.held, part.figure = False, error.what
    part.seconds = time.monotonic() - begun
    progress(Event(part.name, "", State.OK if part.held else State.FAILED, f"{part.figure} ({part.seconds:.1f} s)"))


def _routers(world: World) -> int:
    return sum(len(opd.routers) for opd in world.region.opds)


def _provision(world: World, progress: Progress) -> str:
    summary = provision(world, progress=progress)
    if summary.failed:
        raise OpsError(f"failed on {', '.join(sorted(summary.failed))}")
    changed = sum(host.changed for host in summary.hosts.values())
    done = sum(host.ok for host in summary.hosts.values())
    return f"{len(summary.hosts)} servers, {done} tasks done, {changed} changed something"


def _apply(world: World, progress: Progress) -> str:
    plan = reconcile.plan(world, progress=progress)
    if plan.unread:
        raise OpsError(f"could not be read: {', '.join(plan.unread)}")
    outcome = reconcile.apply(world, plan.checksum, REASON, progress)
    if outcome.failed:
        first = outcome.failed[0]
        raise OpsError(f"{len(outcome.failed)} of {len(outcome.results)} failed; {first.change.key}: {first.error}")
    return f"{len(outcome.results)} changes for {len(world.region.opds)} offices on {len(plan.hosts)} machines"


def _second_plan(world: World) -> str:
    plan = reconcile.plan(world)
    if plan.changes or plan.unread:
        raise OpsError(
            f"{len(plan.changes)} changes left, first {plan.changes[0].key if plan.changes else plan.unread}"
        )
    return f"0 changes of {sum(plan.existing.values())} artefacts"


def _prometheus(world: World) -> str:
    return f"http://{world.region.group('monitoring')[0].address}:9090"


def _measure(world: World, cast: Cast, progress: Progress) -> str:
    """Traffic of a known rate through one office's link must be what Prometheus says of that office."""
    station.start_exporter(world, progress)
    prometheus, routers = _prometheus(world), _routers(world)
    end = time.monotonic() + SCRAPED_SECONDS
    while (seen := read.devices_up(prometheus))[0] < routers:
        if time.monotonic() > end:
            raise OpsError(f"only {seen[0]} of {routers} routers answer after {SCRAPED_SECONDS:.0f} s")
        time.sleep(1)
    progress(Event("traffic", cast.measured, State.RUNNING, f"{FLOW.download / 1e6:g} Mbit/s for {FLOW.seconds:g} s"))
    carried = traffic.send(world, cast.measured, FLOW)
    found = read.bandwidth(prometheus, cast.measured, WINDOW_SECONDS)
    if found is None:
        raise OpsError(f"Prometheus has no bandwidth of {cast.measured}")
    figure = (
        f"{seen[0]}/{routers} routers; {cast.measured} sent {carried.arrived_download / 1e6:.1f} down, "
        f"measured {found.receive_bps / 1e6:.1f} Mbit/s"
    )
    if abs(found.receive_bps - carried.arrived_download) > TOLERANCE * carried.arrived_download:
        raise OpsError(f"{figure}: they differ")
    return figure


def _call(world: World, cast: Cast, progress: Progress) -> str:
    report = call_test(world, cast.caller, cast.called, CALL_SECONDS, progress)
    if not report.ok:
        raise OpsError("; ".join(report.faults))
    ways = [way for way in (report.there, report.back) if way]
    heard = " and ".join(f"{way.level_db:.0f} dB, {way.lost} of {way.received} lost" for way in ways)
    return f"{report.caller} and {report.callee}: set up in {report.setup_ms:.0f} ms, heard {heard}"


def _back_up(world: World, cast: Cast, progress: Progress) -> str:
    chosen = [item for item in layout.items(world.region) if item.key in cast.sets]
    seed.seed(world, progress, chosen)
    results = backup.run(world, chosen, progress)
    if failed := [result for result in results if result.error]:
        raise OpsError(f"{failed[0].opd}.{failed[0].set}: {failed[0].error}")
    return ", ".join(f"{result.opd}.{result.set} {result.bytes / 1e6:.1f} MB" for result in results)


def _drill(world: World, cast: Cast, report: Report, progress: Progress) -> str:
    chosen = [item for item in layout.items(world.region) if item.key in cast.sets]
    results = drill.run(world, chosen, progress)
    kept = cast.pages / "evidence"
    for result in results:
        # the twin's state goes with the twin; evidence is kept, with the index and key that verify it
        shutil.copytree(result.page.parent, kept, dirs_exist_ok=True)
        report.pages[f"evidence of {result.opd}.{result.set}"] = kept / result.page.name
    if failed := [result for result in results if not result.proven]:
        raise DrillFailedError(f"{failed[0].opd}.{failed[0].set}: {failed[0].why}")
    return "\n".join(
        f"{one.opd}.{one.set}: RTO {span(one.rto)} of {span(one.rto_target)}, "
        f"RPO {span(one.rpo)} of {span(one.rpo_target)}"
        for one in results
    )


def _status(world: World, cast: Cast, report: Report) -> Path:
    """The page, with whatever Prometheus can say; what it cannot is shown as missing."""
    prometheus = _prometheus(world)
    covered = backup.coverage(world).with_backup
    try:
        measured = status.Measured(
            read.query(prometheus, "min by (opd) (opd_interface_up)"),
            read.query(prometheus, "min by (opd) (opd_optical_receive_power_dbm)"),
            read.query(
                prometheus, "max by (opd) (max_over_time(rate(opd_interface_receive_bytes_total[30s])[10m:10s])) * 8"
            ),
            covered,
        )
    except OpsError:
        measured = status.Measured({}, {}, {}, covered)
    rows = [
        status.Row((part.indonesian, part.name), part.held, part.figure, f"{part.seconds:.1f}") for part in report.parts
    ]
    made = datetime.now(ZoneInfo(world.region.timezone)).strftime("%d-%m-%Y %H:%M %Z")
    return status.write(status.build(world.region, made, rows, measured), cast.pages / "status.html")
