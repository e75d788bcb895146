"""What of a twin runs, what is dark, what is broken on purpose, and what is not simulated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ops.system import netns, nspawn
from ops.twin import agents, claim, faults, guests, loopback, loss, records
from ops.twin.layout import SEGMENT_RATE
from ops.world import World, attach


@dataclass(frozen=True, slots=True)
class ServerStatus:
    name: str
    address: str
    image: str
    running: bool


@dataclass(frozen=True, slots=True)
class Status:
    """`missing`: namespaces that should be there · `detours`, `dark`: links as `<router>/<link>`."""

    name: str
    inventory: str
    state: str
    servers: tuple[ServerStatus, ...]
    offices: int
    namespaces: int
    missing: tuple[str, ...]
    agents: int  # process id, 0 when they do not run
    detours: tuple[str, ...]
    dark: tuple[str, ...]
    faults: dict[str, Any]
    simulated: str
    not_simulated: str

    @property
    def whole(self) -> bool:
        """Nothing is missing but what was broken on purpose."""
        stopped = {server.name for server in self.servers if not server.running}
        return not self.missing and stopped <= set(self.faults["killed"])


def status(name: str) -> Status:
    """The state of a twin. OpsError when there is none of that name."""
    if loopback.chosen(name):
        return _loopback(attach(name))
    claim.check_mine(name)
    world = attach(name)
    layout = faults.current(world)
    known = records.read_network(world.state)
    links = [
        (f"{router}/{port['link']}", port)
        for router, at in known["routers"].items()
        for port in at["ports"]
        if port["kind"] == "wan"
    ]
    there = netns.existing(f"{name}.")
    netem = loss.has_netem(name)
    return Status(
        name=name,
        inventory=str(world.inventory),
        state=str(world.state),
        servers=tuple(
            ServerStatus(server, at["address"], at["image"], nspawn.alive(guests.group_of(name, server)))
            for server, at in known["servers"].items()
        ),
        offices=len({at["opd"] for at in known["routers"].values()}),
        namespaces=len(there),
        missing=tuple(sorted({f"{name}.{space}" for space in layout.spaces} - there)),
        agents=agents.pid(world),
        detours=tuple(link for link, port in links if not port["dark"] and port["path"] != port["rides"]),
        dark=tuple(link for link, port in links if port["dark"]),
        faults=asdict(records.read_faults(world.state)),
        simulated=f"segments at {SEGMENT_RATE / 1e9:g} Gbit/s each way; drops and LANs as fast as this machine",
        not_simulated="the Internet" + ("" if netem else ", delay and jitter (this kernel has no sch_netem)"),
    )


def _loopback(world: World) -> Status:
    """The routers are there while their agents run; nothing else is meant to be."""
    routers = records.read_network(world.state).get("routers", {})
    process = agents.pid(world)
    return Status(
        name=world.name,
        inventory=str(world.inventory),
        state=str(world.state),
        servers=(),
        offices=len({at["opd"] for at in routers.values()}),
        namespaces=0,
        missing=() if process else tuple(sorted(routers)),
        agents=process,
        detours=(),
        dark=(),
        faults=asdict(records.read_faults(world.state)),
        simulated=f"{len(routers)} routers on {loopback.places(world)}; ports count what this machine's lo carries, "
        "queues are remembered and not enforced",
        not_simulated=loopback.SKIPPED,
    )
