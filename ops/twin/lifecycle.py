"""Bring a twin up, mend it, take it down. `up` on a twin that is up makes only what is missing."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError, ToolMissingError
from ops.inventory.load import load
from ops.inventory.model import Region, Server
from ops.progress import Event, Progress, State, silent
from ops.system import netns, nspawn
from ops.system.signals import uninterrupted
from ops.twin import claim, guests, images, loopback, loss, namespaces, records, routes
from ops.twin.agents import start_agents, stop_agents
from ops.twin.layout import STATION, Layout, lay_out, offices_of, server_of
from ops.twin.recipes import recipe_for
from ops.world import World, twin_state

NEEDED_BYTES = 1_000_000_000  # what servers write while people try things
_PROGRAMS = (
    ("systemd-nspawn", "systemd-container"),
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("nft", "nftables"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("losetup", "mount"),
    ("mkfs.ext4", "e2fsprogs"),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one `up` works on."""

    world: World
    layout: Layout
    servers: tuple[Server, ...]
    progress: Progress


def up(
    inventory: Path,
    name: str,
    progress: Progress = silent,
    only: Sequence[str] | None = None,
    opds: Sequence[str] | None = None,
) -> World:
    """A running twin of an inventory. `only`/`opds`: just these servers and offices beside those that are up already.

    On trouble or Ctrl-C a twin that was not there before is removed again; one that was is left as far as it came.
    Without root it is the loopback twin.
    """
    if loopback.chosen(name):
        return loopback.up(inventory, name, progress, opds)
    _check_machine(name)
    inventory = inventory.resolve()
    region = load(inventory)
    with claim.working_on(name):
        claim.take(name)
        world = _world(inventory, name)
        fresh = not (world.state / "world.json").exists()
        try:
            asked = _ask(world, region, progress, only, opds)
            _make(asked)
        except BaseException:
            if fresh:
                with uninterrupted():
                    progress(Event("twin", name, State.RUNNING, "did not come up; removing what was made"))
                    _remove(name, progress)
            raise
    return world


def down(name: str, progress: Progress = silent) -> None:
    """No trace of the twin but the image cache. Fine when there is none, or half a one."""
    if loopback.chosen(name):
        loopback.down(name, progress)
        return
    _check_root()
    with claim.working_on(name), uninterrupted():
        claim.check_mine(name)
        _remove(name, progress)


def _world(inventory: Path, name: str) -> World:
    state = twin_state(name).resolve()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = {"network": str(state / records.NETWORK), "faults": str(state / records.FAULTS)}
    return World(name, inventory, state, state / "keys/login", state / "known_hosts", f"{name}.{STATION}", facts)


def _ask(
    world: World, region: Region, progress: Progress, only: Sequence[str] | None, opds: Sequence[str] | None
) -> _Asked:
    """What must be there: what was asked for, and what is up already and still declared."""
    known = records.read_network(world.state)
    for name in only or ():
        server_of(region, name)
    codes = offices_of(region, opds, {router["opd"] for router in known.get("routers", {}).values()})
    servers = {server.name for server in region.servers}
    if only is not None:
        servers &= set(only) | set(known.get("servers", {}))
    layout = lay_out(region, servers, codes)
    return _Asked(world, layout, tuple(s for s in region.servers if s.name in servers), progress)


def _make(asked: _Asked) -> None:
    found = images.ensure({recipe_for(server.groups) for server in asked.servers}, asked.progress)
    by_name = {recipe.name: path for recipe, path in found.items()}
    before = records.read_network(asked.world.state).get("routers", {})
    fresh = _network(asked)
    _servers(asked, by_name)
    asked.world.save()
    start_agents(asked.world, asked.progress, fresh & set(before))


def _network(asked: _Asked) -> set[str]:
    """The namespaces that were made now."""
    started = time.monotonic()
    world, layout = asked.world, asked.layout
    cut = set(records.read_faults(world.state).cut)
    for name in records.read_network(world.state).get("servers", {}):
        if name not in layout.spaces:
            guests.kill(world.name, name)  # no longer declared
    built = namespaces.build(world.name, layout, cut)
    moved = settle_routes(world, layout, cut, built.touched)
    _faults_that_stay(asked, built.fresh)
    took = time.monotonic() - started
    text = f"{len(layout.spaces)} namespaces, {len(layout.wires)} wires"
    if built.fresh or built.gone:
        text += f"; {len(built.fresh)} made, {len(built.gone)} removed, {moved} routed in {took:.1f} s"
    state = State.CHANGED if built.fresh or built.gone or moved else State.OK
    asked.progress(Event("network", "", state, text))
    return built.fresh


def _faults_that_stay(asked: _Asked, fresh: Collection[str]) -> None:
    """Loss goes away with a namespace, so it is set again; servers that were switched off are about to be booted."""
    faults = records.read_faults(asked.world.state)
    faults.killed = [name for name in faults.killed if name not in {server.name for server in asked.servers}]
    if fresh:
        for opd, percent in faults.lossy.items():
            loss.set_loss(asked.world.name, asked.layout, opd, percent)
    records.write_faults(asked.world.state, faults)


def settle_routes(world: World, layout: Layout, cut: Collection[str], touched: Collection[str] = ()) -> int:
    """Make routes and network.json follow from the segments that are cut; how many namespaces changed."""
    tables = routes.tables(layout, cut)
    moved = namespaces.set_routes(world.name, tables, records.read_routes(world.state), touched)
    records.write_routes(world.state, tables)
    indexes = {name: netns.indexes(f"{world.name}.{name}") for name in layout.ports}
    records.write_network(world.state, world.name, layout, cut, indexes)
    return moved


def _servers(asked: _Asked, by_name: dict[str, Path]) -> None:
    """Boot what does not run, all at once, and wait for all: one that fails does not hide the others."""
    world = asked.world
    missing = [s for s in asked.servers if not nspawn.alive(guests.group_of(world.name, s.name))]
    if not missing:
        asked.progress(Event("servers", "", State.OK, f"{len(asked.servers)} running"))
        return
    start(world, missing, by_name, asked.progress)


def start(world: World, servers: Sequence[Server], by_name: dict[str, Path], progress: Progress) -> None:
    """Boot these servers and wait until each answers over SSH. Interrupted, it ends those it began."""
    for server in servers:
        progress(Event("boot", server.name, State.RUNNING))
    world.ssh_key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pool = ThreadPoolExecutor(max_workers=len(servers))

    def one(server: Server) -> OpsError | None:
        try:
            guests.boot(world, server, guests.image_of(server, by_name))
            ready = guests.wait_ready(world, server, guests.image_of(server, by_name))
        except OpsError as error:
            progress(Event("boot", server.name, State.FAILED, error.what))
            return error
        text = f"{ready.state} after {ready.seconds:.1f} s"
        if ready.failed:
            text += f"; failed units: {', '.join(ready.failed)}"
        progress(Event("boot", server.name, State.CHANGED, text))
        return None

    try:
        guests.introduce(world, servers)
        errors = [error for error in pool.map(one, servers) if error]
    except BaseException:
        for server in servers:
            guests.kill(world.name, server.name)
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown()
    world.fleet.close()
    if errors:
        raise OpsError(f"{len(errors)} of {len(servers)} servers did not boot: {errors[0].what}", errors[0].next_step)


def _remove(name: str, progress: Progress) -> None:
    state = twin_state(name).resolve()
    stop_agents(name)
    nspawn.stop(name)
    spaces = netns.existing(f"{name}.")
    netns.end_processes(spaces)
    namespaces.remove(name, {space.removeprefix(f"{name}.") for space in spaces})
    nspawn.wait_released(state)
    was_there = bool(spaces) or state.exists()
    shutil.rmtree(state, ignore_errors=True)
    if state.exists():
        raise OpsError(f"{state} cannot be removed", f"look at what is inside, then rm -rf {state}")
    claim.release(name)
    text = f"{len(spaces)} namespaces removed" if was_there else "was not there"
    progress(Event("down", name, State.CHANGED if was_there else State.OK, text))


def _check_root() -> None:
    if os.geteuid() != 0:
        raise ToolMissingError("this twin is made of network namespaces and needs root", "the same command with sudo")


def _check_machine(name: str) -> None:
    _check_root()
    claim.check_name(name)
    nspawn.check_machine(_PROGRAMS)
    root = next(path for path in twin_state(name).resolve().parents if path.exists())
    free = shutil.disk_usage(root).free
    if free < NEEDED_BYTES:
        raise OpsError(
            f"{root}: {free / 1e9:.1f} GB free, a twin needs {NEEDED_BYTES / 1e9:.0f} GB",
            "free some space, or name a folder on another disk in OPS_STATE",
        )
