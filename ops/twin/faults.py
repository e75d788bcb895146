"""Break things in a twin on purpose, and mend them: segments, light, packets, hosts, disks, repositories.

Every fault is a function of (world, target, amount) → one line that says what is so now. All are remembered in
faults.json, which the routers' agents and `ops twin status` read.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from ops.errors import OpsError, ToolMissingError, UsageError
from ops.progress import Event, Progress, State
from ops.system import nspawn
from ops.twin import claim, guests, images, lifecycle, loss, namespaces, records
from ops.twin.layout import Layout, lay_out, server_of
from ops.twin.recipes import recipe_for
from ops.world import ALL_OF_IT, World

REPOSITORIES = "srv/restic"  # where the vault keeps them, from its root
FILLER = "var/tmp/fault-fill-disk"
_FLIPPED = 64  # bytes


def apply(world: World, kind: str, target: str, amount: float, progress: Progress) -> str:
    """Do one fault; its line. UsageError names the kinds there are."""
    fault = FAULTS.get(kind)
    if fault is None:
        raise UsageError(f"no fault is called {kind}", f"there are: {', '.join(FAULTS)}")
    if not target and kind != "corrupt-repo":
        raise UsageError(f"{kind} what?", f"ops twin fault {kind} NAME")
    if world.loopback and kind != "dim-fibre":
        raise ToolMissingError(f"{kind} needs real hosts and networks; the loopback twin knows dim-fibre", ALL_OF_IT)
    with claim.working_on(world.name):
        said = fault(world, target, amount)
    progress(Event(kind, target, State.CHANGED, said))
    return said


def cut_segment(world: World, target: str, _amount: float) -> str:
    return _segment(world, target, up=False)


def mend_segment(world: World, target: str, _amount: float) -> str:
    return _segment(world, target, up=True)


def _segment(world: World, name: str, *, up: bool) -> str:
    layout = current(world)
    wire = next((wire for wire in layout.wires if wire.kind == "segment" and wire.name == name), None)
    if wire is None:
        known = ", ".join(segment.name for segment in world.region.plant.segments)
        raise OpsError(f"no segment named {name} in fibre.yml", f"there are: {known}")
    faults = records.read_faults(world.state)
    faults.cut = sorted({*faults.cut, name} - ({name} if up else set()))
    records.write_faults(world.state, faults)
    namespaces.set_segment(world.name, wire, up=up)
    between = {end.space for end in wire.ends}
    lifecycle.settle_routes(world, layout, faults.cut, between)
    ports = [p for router in records.read_network(world.state)["routers"].values() for p in router["ports"]]
    wan = [port for port in ports if port["kind"] == "wan"]
    dark = sum(1 for port in wan if port["dark"])
    detour = sum(1 for port in wan if not port["dark"] and port["path"] != port["rides"])
    return f"{name} is {'whole' if up else 'cut'}; {detour} links on a detour, {dark} dark"


def dim_fibre(world: World, target: str, decibels: float) -> str:
    region = world.region
    routers = {router.name for opd in region.opds for router in opd.routers}
    if target not in routers | {segment.name for segment in region.plant.segments}:
        raise OpsError(f"{target} is neither a segment nor a router", "ops twin fault dim-fibre dinkes-rtr1 --db 6")
    if decibels < 0:
        raise UsageError("a fibre cannot be made brighter", "--db takes 0 or more")
    faults = records.read_faults(world.state)
    faults.dimmed.pop(target, None)
    if decibels:
        faults.dimmed[target] = decibels
    records.write_faults(world.state, faults)
    return f"{decibels:g} dB more loss" if decibels else "as declared again"


def lossy_link(world: World, target: str, percent: float) -> str:
    if not 0 <= percent <= 100:  # noqa: PLR2004
        raise UsageError(f"{percent:g} is no share of packets", "--percent takes 0 to 100")
    layout = current(world)
    count = loss.set_loss(world.name, layout, target, percent)
    if not count:
        raise OpsError(f"no office {target} in this twin", f"ops twin up --name {world.name} --opd {target}")
    faults = records.read_faults(world.state)
    faults.lossy.pop(target, None)
    if percent:
        faults.lossy[target] = percent
    records.write_faults(world.state, faults)
    rest = "" if loss.has_netem(world.name) else "; delay and jitter are not simulated (no sch_netem in this kernel)"
    return f"{percent:g} % of packets lost each way on {count} link(s){rest}"


def kill_host(world: World, target: str, _amount: float) -> str:
    server_of(world.region, target)
    if not nspawn.alive(guests.group_of(world.name, target)):
        return "was not running"
    guests.kill(world.name, target)
    faults = records.read_faults(world.state)
    faults.killed = sorted({*faults.killed, target})
    records.write_faults(world.state, faults)
    return "without power; what it had written is kept"


def start_host(world: World, target: str, _amount: float) -> str:
    server = server_of(world.region, target)
    if target not in current(world).spaces:
        raise OpsError(f"{target} is not in this twin", f"ops twin up --name {world.name} --only {target}")
    recipe = recipe_for(server.groups)
    image = images.ensure_one(recipe, lambda _event: None)
    lifecycle.start(world, [server], {recipe.name: image}, lambda _event: None)
    faults = records.read_faults(world.state)
    faults.killed = [name for name in faults.killed if name != target]
    records.write_faults(world.state, faults)
    return "running"


def fill_disk(world: World, target: str, _amount: float) -> str:
    """Take every free byte of a server's disk with one file that a person can find and remove."""
    server_of(world.region, target)
    if not (guests.folder_of(world, target) / "disk.img").exists():
        raise OpsError(f"{target} has no disk of its own here: this machine lacks loop devices", "modprobe loop")
    root = guests.inside(world, target)
    took = _take_all(root / FILLER)
    faults = records.read_faults(world.state)
    faults.filled = sorted({*faults.filled, target})
    records.write_faults(world.state, faults)
    return f"/{FILLER} holds the last {took / 1e9:.1f} GB; free-disk removes it"


def free_disk(world: World, target: str, _amount: float) -> str:
    (guests.inside(world, target) / FILLER).unlink(missing_ok=True)
    faults = records.read_faults(world.state)
    faults.filled = [name for name in faults.filled if name != target]
    records.write_faults(world.state, faults)
    return f"/{FILLER} is gone"


def corrupt_repo(world: World, target: str, _amount: float) -> str:
    """Flip bytes inside the largest pack file of the vault (below the folder `target`, if one is named)."""
    vault = world.region.recovery.vault.server
    top = guests.inside(world, vault) / REPOSITORIES
    packs = [path for path in (top / target).glob("**/data/*/*") if path.is_file()]
    if not packs:
        raise OpsError(f"{vault}:/{REPOSITORIES}/{target} holds no pack file", "back something up first")
    pack = max(packs, key=lambda path: (path.stat().st_size, path.name))
    middle = pack.stat().st_size // 2
    with pack.open("r+b") as file:
        file.seek(middle)
        old = file.read(_FLIPPED)
        file.seek(middle)
        file.write(bytes(byte ^ 0xFF for byte in old))
    faults = records.read_faults(world.state)
    faults.corrupted.append(str(pack.relative_to(top)))
    records.write_faults(world.state, faults)
    return f"{len(old)} bytes flipped at {middle} of /{REPOSITORIES}/{pack.relative_to(top)} on {vault}"


def current(world: World) -> Layout:
    """The layout of what is up now."""
    known = records.read_network(world.state)
    if not known:
        raise OpsError(f"twin {world.name} is not up", f"ops twin up --name {world.name}")
    codes = {router["opd"] for router in known["routers"].values()}
    return lay_out(world.region, known["servers"], codes)


def _take_all(path: Path) -> int:
    """Reserve all free space in one file, in ever smaller steps; bytes taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size, step = 0, 1 << 30
    with path.open("wb") as file:
        while step >= 1 << 12:
            try:
                os.posix_fallocate(file.fileno(), size, step)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise OpsError(f"{path}: {error.strerror}") from None
                step >>= 1
            else:
                size += step
    return size


FAULTS: dict[str, Callable[[World, str, float], str]] = {
    "cut-segment": cut_segment,
    "mend-segment": mend_segment,
    "dim-fibre": dim_fibre,
    "lossy-link": lossy_link,
    "kill-host": kill_host,
    "start-host": start_host,
    "fill-disk": fill_disk,
    "free-disk": free_disk,
    "corrupt-repo": corrupt_repo,
}
