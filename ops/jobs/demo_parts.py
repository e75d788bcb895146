"""The parts of the demonstration. Each gives its figure; OpsError means failed, ToolMissingError skipped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from backup import layout, places
from backup.evidence import span
from exporters import read
from ops import reconcile
from ops.errors import DrillFailedError, OpsError
from ops.jobs import backup, seed, station, status
from ops.jobs.registry import find
from ops.plan.plan import Plan
from ops.progress import Event, Progress, State
from ops.runs.foreground import Desk, RunFailedError, run_here
from ops.runs.model import Order
from ops.system.person import who
from ops.twin import traffic
from ops.world import NO_SERVERS, World

REASON = "first build of a twin"
FLOW = traffic.Flow(upload=4_000_000, download=8_000_000, seconds=36.0)  # below every contract of the demonstration
WINDOW_SECONDS = 25  # lies inside the flow and holds at least two scrapes of 10 s
TOLERANCE = 0.15  # share by which the measured bandwidth may differ from what was sent
SCRAPED_SECONDS = 90.0  # until every router was asked once
CALL_SECONDS = 4.0


@dataclass(frozen=True)
class Cast:
    """Who plays in the demonstration: offices by code, sets by name, and where the pages go."""

    caller: str
    called: str
    measured: str
    sets: tuple[str, ...]
    pages: Path


def booted(world: World) -> str:
    servers = 0 if world.loopback else len(world.region.servers)
    return f"{servers} servers, {len(_routers(world))} office routers"


def provisioned(world: World, progress: Progress) -> str:
    world.need_servers()
    hosts = _job(world, "provision", {}, progress)["hosts"].values()
    done, changed = sum(host["ok"] for host in hosts), sum(host["changed"] for host in hosts)
    return f"{len(hosts)} servers, {done} tasks done, {changed} changed something"


def applied(world: World, progress: Progress) -> str:
    plan = reconcile.plan(world, progress=progress)
    skipped = _skipped(plan)
    results = _job(world, "apply", {"checksum": plan.checksum}, progress)["results"]
    if failed := [result for result in results if result["error"]]:
        raise OpsError(f"{len(failed)} of {len(results)} failed; {failed[0]['key']}: {failed[0]['error']}")
    return f"{len(results)} changes for {len(world.region.opds)} offices on {len(plan.hosts)} machines" + skipped


def _job(world: World, kind: str, args: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Run a job here, as its verb does; what it left. OpsError with its own words when it left nothing."""
    desk = Desk.of(world)
    run = run_here(desk, find(kind), Order(kind, args, who(), REASON), progress)
    left = desk.result(run)
    if not left:
        raise RunFailedError(run)
    return left


def second_plan(world: World) -> str:
    plan = reconcile.plan(world)
    skipped = _skipped(plan)
    if plan.changes:
        raise OpsError(f"{len(plan.changes)} changes left, first {plan.changes[0].key}")
    return f"0 changes of {sum(plan.existing.values())} artefacts{skipped}"


def _skipped(plan: Plan) -> str:
    """What to say of servers that this twin does not have. OpsError when anything else could not be read."""
    if failed := [host for host, why in plan.unread.items() if why != NO_SERVERS]:
        raise OpsError(f"could not be read: {', '.join(failed)}")
    return f"; {len(plan.unread)} servers skipped: {NO_SERVERS}" if plan.unread else ""


def asked_all(world: World, progress: Progress) -> str:
    """Every declared router answers the exporter over SNMP."""
    exporter = station.start_exporter(world, progress)
    seen = read.probe(exporter, _routers(world))
    up = {one.labels["device"] for one in seen if one.name == "opd_poll_up" and one.value}
    if silent := [name for name in _routers(world) if name not in up]:
        raise OpsError(f"{len(silent)} of {len(_routers(world))} routers do not answer, first {silent[0]}")
    light = [one.value for one in seen if one.name == "opd_optical_receive_power_dbm"]
    weakest = f", weakest light {min(light):.1f} dBm" if light else ""
    return f"{len(up)} of {len(_routers(world))} routers answer, {len(seen)} values{weakest}"


def measured(world: World, cast: Cast, progress: Progress) -> str:
    """Traffic of a known rate through one office's link must be what Prometheus says of that office."""
    world.need_servers()
    prometheus, routers = _prometheus(world), len(_routers(world))
    end = time.monotonic() + SCRAPED_SECONDS
    while (seen := read.devices_up(prometheus))[0] < routers:
        if time.monotonic() > end:
            raise OpsError(f"only {seen[0]} of {routers} routers are up in Prometheus after {SCRAPED_SECONDS:.0f} s")
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


def called(world: World, cast: Cast, progress: Progress) -> str:
    world.need_servers()
    wanted = {"from_opd": cast.caller, "to_opd": cast.called, "seconds": CALL_SECONDS}
    report = _job(world, "call-test", wanted, progress)
    if not report["ok"]:
        raise OpsError("; ".join(report["faults"]))
    ways = [way for way in (report["there"], report["back"]) if way]
    heard = " and ".join(f"{way['level_db']:.0f} dB, {way['lost']} of {way['received']} lost" for way in ways)
    return f"{report['caller']} and {report['callee']}: set up in {report['setup_ms']:.0f} ms, heard {heard}"


def backed_up(world: World, key: str, progress: Progress) -> str:
    chosen = layout.items(world.region, sets=(key,))
    seed.seed(world, progress, chosen)
    (result,) = _job(world, "backup", {"set": [key]}, progress)["sets"]
    if result["error"]:
        raise OpsError(result["error"])
    counts = ", ".join(f"{value} {name}" for name, value in result["counts"].items() if name != "bytes")
    return f"{result['bytes'] / 1e6:.1f} MB, {counts}"


def restored(world: World, key: str, cast: Cast, pages: dict[str, Path], progress: Progress) -> str:
    """The twin's state goes with the twin; the evidence is kept, with the index and the key that verify it."""
    chosen = layout.items(world.region, sets=(key,))
    places.check(world, chosen[0])
    (result,) = _job(world, "drill", {"set": [key]}, progress)["sets"]
    page, kept = Path(result["page"]), cast.pages / "evidence"
    shutil.copytree(page.parent, kept, dirs_exist_ok=True)
    pages[f"evidence of {key}"] = kept / page.name
    if not result["proven"]:
        raise DrillFailedError(result["why"])
    rto = f"RTO {span(result['rto'])} of {span(result['rto_target'])}"
    rpo = f"RPO {span(result['rpo'])} of {span(result['rpo_target'])}"
    return f"{rto}, {rpo}, {result['differences']} differences"


def status_page(world: World, rows: Sequence[status.Row], path: Path) -> Path:
    """The page, with whatever could be measured; what could not is shown as missing."""
    covered = backup.coverage(world).with_backup
    try:
        measured = _from_exporter(world, covered) if world.loopback else _from_prometheus(world, covered)
    except OpsError:
        measured = status.Measured({}, {}, {}, covered)
    made = datetime.now(ZoneInfo(world.region.timezone)).strftime("%d-%m-%Y %H:%M %Z")
    return status.write(status.build(world.region, made, rows, measured), path)


def _from_prometheus(world: World, covered: Sequence[str]) -> status.Measured:
    prometheus = _prometheus(world)
    download = "max by (opd) (max_over_time(rate(opd_interface_receive_bytes_total[30s])[10m:10s])) * 8"
    return status.Measured(
        read.query(prometheus, "min by (opd) (opd_interface_up)"),
        read.query(prometheus, "min by (opd) (opd_optical_receive_power_dbm)"),
        read.query(prometheus, download),
        covered,
    )


def _from_exporter(world: World, covered: Sequence[str]) -> status.Measured:
    """Bandwidth is left out: the routers of a loopback twin carry nothing."""
    seen = read.probe(station.url(world), _routers(world))
    up = read.least_by_opd(seen, "opd_interface_up")
    return status.Measured(up, read.least_by_opd(seen, "opd_optical_receive_power_dbm"), {}, covered)


def _routers(world: World) -> list[str]:
    return [router.name for opd in world.region.opds for router in opd.routers]


def _prometheus(world: World) -> str:
    return f"http://{world.region.group('monitoring')[0].address}:9090"
