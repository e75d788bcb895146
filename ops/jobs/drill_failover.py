"""Prove that services can be taken over: on a standby built for it, under their own names in a test view, and back."""

from __future__ import annotations

from backup import places, service_drill
from backup.failover import VIEW_PORT, Failover
from backup.hostside import service_prove
from backup.service import Kind, ServiceDrill, ServiceItem
from backup.service_drill import Case
from backup.standby import Standby
from ops.derive import dns
from ops.errors import OpsError, RefusedError
from ops.inventory.model import WebHost
from ops.jobs.drill_service import Asked, Desk, chosen, concluded, host_name
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.system.ansible import Place, Play, run_playbook
from ops.world import World

PLAYBOOK = "standby.yml"


def _scope(world: World, args: Args) -> Scope:
    server = world.region.recovery.drills.server
    opds = tuple(sorted({item.opd.code for item in chosen(world, args, Kind.FAILOVER)}))
    return Scope(opds, (server,), (f"host:{server}",))


def _hold(world: World, _args: Args) -> str:
    """People's data is served from another machine for a while: two people, where the policy says so."""
    if world.rehearsal or "failover-drill" not in world.region.policies.second_person:
        return ""
    return "a service is started on a standby"


@job(
    "drill-failover",
    "prove declared services on a standby, and lead back",
    scope=_scope,
    takes=("opd", "service"),
    timeout=24 * HOURS,
    hold=_hold,
    priority=6,
)
def DRILL_FAILOVER(run: Inside) -> Verdict:
    run.world.need_servers()
    desk = Desk(run.world, run.progress, run.step)
    return concluded(run, desk.drilled(chosen(run.world, run.args, Kind.FAILOVER), _taken_over))


def _taken_over(asked: Asked) -> ServiceDrill:
    desk, spots = asked.desk, asked.spots
    seen, book = service_drill.opened(spots, asked.item, asked.names, desk.keep, standby=True)
    there = places.on(desk.world)(spots.drill_server)
    name = host_name(desk.world, asked.item)
    case = Case(spots, seen, book, asked.names, there, name, desk.progress, desk.keep)
    way = _way(desk.world, case)
    return service_drill.run(case, way.prepare, way.ask, way.clean)


def _way(world: World, case: Case) -> Failover:
    region, item = world.region, case.drill.item
    web = next(one for one in item.opd.web if one.name == item.service.web)
    address = str(region.server(case.spots.drill_server).address)
    home = str(region.server(web.server).address)
    if address == home:
        raise RefusedError(f"{case.where.name} is where {case.name} lives", "drills.server in drc.yml names it")
    standby = Standby(
        case.where,
        case.folder,
        address,
        str(region.station.address),
        case.name,
        case.name,
        ("@", "www", *web.aliases),
        (address, VIEW_PORT),
        tuple((str(server.address), 53) for server in region.group("dns")),
    )
    return Failover(standby, lambda: _built(world, case, web), home, service_drill.questions(item))


def _built(world: World, case: Case, web: WebHost) -> None:
    """By Ansible. OpsError when the standby could not be built."""
    item = case.drill.item
    shown = {"root": case.web_root, "name": case.name, "mark": case.drill.id}
    settings = service_prove.web_settings(f"{case.folder}/web", shown, "80")
    wanted = {
        "drill": case.drill.id,
        "folder": case.folder,
        "web": settings,
        "data": case.database.get("data", ""),
        "zone": case.name,
        "zone_text": _zone(world, item, web),
        "view_port": VIEW_PORT,
    }
    place = Place(world.inventory, world.state, world.ssh_key, world.known_hosts, world.fleet)
    play = Play(PLAYBOOK, place, limit=(case.where.name,), variables={"standby": wanted})
    summary = run_playbook(play, case.progress)
    if summary.error or summary.failed:
        why = summary.error or next(iter(summary.failed.values())).trouble
        raise OpsError(f"the standby could not be built: {why}", f"the whole record: {summary.record}")


def _zone(world: World, item: ServiceItem, web: WebHost) -> str:
    """The service's zone as the official name servers are given it."""
    region = world.region
    name = f"$ORIGIN {web.name}.{region.domain}."
    for one in dns.artifacts(region):
        if one.key.endswith(".zone") and one.content.startswith(name):
            return one.content
    raise OpsError(f"no name server serves {web.name}.{region.domain} of {item.opd.code}", "hosts.yml: group dns")
