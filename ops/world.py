"""Where an inventory is acted on: the real regency, or a twin of it. The same code drives both.

A world is the declared Region plus the keys that open it. A twin is a world whose hosts live in network namespaces of
this machine: `enter()` moves the calling thread (and every child it starts) into the twin's station namespace, after
which the declared addresses are the twin's. A loopback twin needs no root: it has the routers only, on 127.0.0.0/8.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ops.errors import OpsError, ToolMissingError
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.system import netns
from ops.system.secrets import Secrets
from ops.system.ssh import Fleet, Login

LOOPBACK = "loopback"  # value of the fact "kind"
NO_SERVERS = "not booted: the loopback twin has no servers (needs root)"
ALL_OF_IT = "sudo make demo"


@dataclass(frozen=True)
class World:
    """`state`: folder for plans, journals, secrets · `station`: namespace to act from, None for this machine's own."""

    name: str
    inventory: Path
    state: Path
    ssh_key: Path
    known_hosts: Path
    station: str | None = None
    facts: dict[str, str] = field(default_factory=dict)

    @cached_property
    def region(self) -> Region:
        return load(self.inventory)

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self.state / "secrets.yml")

    @cached_property
    def fleet(self) -> Fleet:
        access = self.region.access
        logins = {
            server.name: Login(
                str(server.address),
                server.variables.get("ansible_user", access.user),
                int(server.variables.get("ansible_port", access.port)),
            )
            for server in self.region.servers
        }
        return Fleet(logins, self.ssh_key, self.known_hosts, absent=NO_SERVERS if self.loopback else "")

    @property
    def loopback(self) -> bool:
        """Whether this is a twin without root: routers only, on this machine's 127.0.0.0/8."""
        return self.facts.get("kind") == LOOPBACK

    def reach(self, address: str, port: int) -> tuple[str, int]:
        """Where a router or the station declared at this address is served: as declared, but in a loopback twin."""
        if not self.loopback:
            return address, port
        return f"127.{address.partition('.')[2]}", int(self.facts.get(f"port {port}", port))

    @property
    def rehearsal(self) -> bool:
        """Whether this is a twin: there to be tried on, so windows, freezes and second persons do not bind it."""
        return self.station is not None or self.loopback

    @property
    def address(self) -> dict[str, str | None]:
        """How another process finds this world: the arguments of `named`."""
        inventory = str(self.inventory.resolve())
        return {"twin": self.name if self.rehearsal else None, "inventory": inventory}

    def need_servers(self) -> None:
        """ToolMissingError in a world that has none."""
        if self.loopback:
            raise ToolMissingError("the loopback twin has no servers and no office networks", ALL_OF_IT)

    def enter(self) -> None:
        """Act from the station's network from now on (this thread and its children)."""
        if self.station:
            netns.enter(self.station)

    def save(self) -> None:
        """Leave a note from which `attach` finds this world again."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = {
            "name": self.name,
            "inventory": str(self.inventory),
            "ssh_key": str(self.ssh_key),
            "known_hosts": str(self.known_hosts),
            "station": self.station,
            "facts": self.facts,
        }
        (self.state / "world.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def states_folder() -> Path:
    """Where worlds keep their state: $OPS_STATE, else /var/lib for root and the user's state folder for others."""
    if chosen := os.environ.get("OPS_STATE"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/lib/kominfo-ops")
    return Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "kominfo-ops"


def real(inventory: Path) -> World:
    """The regency itself, reached with the operator's own SSH key."""
    ssh = Path.home() / ".ssh"
    state = states_folder() / "region" / inventory.resolve().name
    return World(inventory.resolve().name, inventory, state, ssh / "id_ed25519", state / "known_hosts")


def twin_state(name: str) -> Path:
    return states_folder() / "twin" / name


def attach(name: str) -> World:
    """The twin of that name. OpsError if it is not up."""
    state = twin_state(name)
    try:
        there = (state / "world.json").is_file()
    except PermissionError:
        raise OpsError(f"{state} belongs to another user", "the same command with sudo") from None
    if not there:
        raise OpsError(f"there is no twin named {name}", f"ops twin up --name {name}")
    return at(state)


def named(twin: str | None, inventory: str | None) -> World:
    """The twin of that name, or the regency itself; with both, the twin's machines under that inventory."""
    if not twin:
        return real(Path(inventory or ""))
    world = attach(twin)
    return replace(world, inventory=Path(inventory)) if inventory else world


def at(state: Path) -> World:
    """The world that left its note in folder `state`."""
    kept = json.loads((state / "world.json").read_text(encoding="utf-8"))
    return World(
        kept["name"],
        Path(kept["inventory"]),
        state,
        Path(kept["ssh_key"]),
        Path(kept["known_hosts"]),
        kept["station"],
        kept["facts"],
    )
