"""The twin without root: the routers' agents on 127.0.0.0/8 and a throw-away PostgreSQL; the rest is skipped.

A router declared as 10.41.1.1 is served at 127.41.1.1, on ports that need no root. `World.reach` says where.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ops.errors import OpsError
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.progress import Event, Progress, State
from ops.system import daemon
from ops.system.signals import uninterrupted
from ops.system.sockets import listen_tcp, listen_udp
from ops.twin import agent_process, agents, claim, loopback_database, records
from ops.twin.layout import lay_out, offices_of
from ops.world import LOOPBACK, NO_SERVERS, World, at, twin_state

SWITCH = "OPS_LOOPBACK"  # "1": root gets the loopback twin as well
SNMP, SSH = 1161, 2222  # the first ports tried
TRIES = 20
SKIPPED = "servers, fibre and office networks, rate limits, traffic, latency, telephones, Prometheus (all need root)"


def wanted() -> bool:
    """Whether a twin made now would be a loopback twin."""
    return os.geteuid() != 0 or os.environ.get(SWITCH) == "1"


def chosen(name: str) -> bool:
    """Whether the twin of that name is a loopback twin or, while there is none, would be."""
    claim.check_name(name)
    try:
        there = (twin_state(name) / "world.json").is_file()
    except PermissionError:
        return False  # root's own
    return at(twin_state(name)).loopback if there else wanted()


def up(inventory: Path, name: str, progress: Progress, opds: Sequence[str] | None) -> World:
    """A running loopback twin; of one that is up, what is missing. Trouble removes a twin that was not there before."""
    if not wanted():
        raise OpsError(f"the twin {name} is a loopback twin", f"ops twin down --name {name}, then the same again")
    inventory = inventory.resolve()
    region = load(inventory)
    with claim.working_on(name):
        state = twin_state(name).resolve()
        fresh = not (state / "world.json").exists()
        try:
            return _make(_world(inventory, name, state, region), region, progress, opds)
        except BaseException:
            if fresh:
                with uninterrupted():
                    _remove(name, progress)
            raise


def down(name: str, progress: Progress) -> None:
    """No process or file of the twin is left. Fine when there is none, or half a one."""
    with claim.working_on(name), uninterrupted():
        _remove(name, progress)


def _world(inventory: Path, name: str, state: Path, region: Region) -> World:
    """The twin's world, with ports that are free (or its agents' own); saved."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = at(state).facts if (state / "world.json").exists() else {"kind": LOOPBACK, "room": _room(name)}
    world = World(name, inventory, state, state / "keys/login", state / "known_hosts", None, facts)
    world.save()
    addresses = _addresses(world, region)
    if not agents.pid(world):
        facts.update(_free_ports(world, region, addresses))
        world.save()
    return world


def _room(name: str) -> str:
    return tempfile.mkdtemp(prefix=f"ops-{name}-")


def _addresses(world: World, region: Region) -> list[str]:
    """Where the routers are served. OpsError when two would be at the same place."""
    names: dict[str, str] = {}
    for router in (router for opd in region.opds for router in opd.routers):
        address = world.reach(str(router.address), 0)[0]
        if address in names:
            what = f"without root {names[address]} and {router.name} would both be {address}"
            raise OpsError(what, "addresses of routers must differ in their last three numbers, or use sudo")
        names[address] = router.name
    return list(names)


def _free_ports(world: World, region: Region, addresses: Sequence[str]) -> dict[str, str]:
    """The first ports that are free for all routers and the exporter, as facts of a world: declared → served."""
    station, exporter = world.reach(str(region.station.address), 0)[0], region.station.exporter_port
    taken = OpsError("")
    for step in range(TRIES):
        try:
            for address in addresses:
                listen_udp(address, SNMP + step).close()
                listen_tcp(address, SSH + step).close()
            listen_tcp(station, exporter + step).close()
        except OpsError as error:
            taken = error
            continue
        served = {agent_process.SNMP: SNMP, agent_process.SSH: SSH, exporter: exporter}
        return {f"port {declared}": str(first + step) for declared, first in served.items()}
    raise OpsError(f"no free ports for the routers: {taken.what}", "take another twin down, or see ss -lnp")


def _make(world: World, region: Region, progress: Progress, opds: Sequence[str] | None) -> World:
    progress(Event("servers", "", State.SKIPPED, f"{len(region.servers)} {NO_SERVERS}"))
    progress(Event("network", "", State.SKIPPED, "fibre, links and office networks are namespaces (need root)"))
    there = {router["opd"] for router in records.read_network(world.state).get("routers", {}).values()}
    layout = lay_out(region, (), offices_of(region, opds, there))
    records.write_loopback(world, layout)
    running = bool(agents.pid(world))
    agent_process.start(world)
    text = f"process {agents.pid(world)} answers for {len(layout.ports)} routers on {places(world)}"
    progress(Event("agents", "", State.OK if running else State.CHANGED, text))
    loopback_database.start(world, region, progress)
    return world


def places(world: World) -> str:
    """Where the routers are served, in words."""
    ports = [world.reach("", port)[1] for port in (agent_process.SNMP, agent_process.SSH)]
    return f"127.0.0.0/8, SNMP port {ports[0]}, SSH port {ports[1]}"


def _remove(name: str, progress: Progress) -> None:
    state = twin_state(name).resolve()
    was_there = state.exists()
    agents.stop_agents(name)
    if (state / "world.json").exists():
        daemon.stop_all(state)
        shutil.rmtree(at(state).facts["room"], ignore_errors=True)
    shutil.rmtree(state, ignore_errors=True)
    if state.exists():
        raise OpsError(f"{state} cannot be removed", f"look at what is inside, then rm -rf {state}")
    (claim.locks() / f"{name}.lock").unlink(missing_ok=True)
    text = "agents ended, files removed" if was_there else "was not there"
    progress(Event("down", name, State.CHANGED if was_there else State.OK, text))
