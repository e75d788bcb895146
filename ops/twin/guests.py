"""The twin's servers: boot them, wait until they answer, end them."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import HostFailedError, OpsError
from ops.inventory.model import Server
from ops.system import netns, nspawn
from ops.system.process import TIMED_OUT, Ask, run
from ops.twin.keys import ensure_pair, know
from ops.twin.recipes import recipe_for
from ops.twin.seed import Seed, plant
from ops.world import World

DISK_BYTES = 8_000_000_000  # as the guest sees it; the file is sparse
READY_SECONDS = 90.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m|\r")
_NOT_YET = 0.2  # seconds between two looks
_GLANCE = 3.0  # seconds one look may take: a guest that dies meanwhile never answers


@dataclass(frozen=True, slots=True)
class Ready:
    """`state`: what systemd says of itself · `failed`: units that failed · `seconds`: from launch to answer."""

    server: str
    state: str
    failed: tuple[str, ...]
    seconds: float


def group_of(twin: str, server: str = "") -> str:
    return f"{twin}/{server}" if server else twin


def folder_of(world: World, server: str) -> Path:
    return world.state / "hosts" / server


def boot(world: World, server: Server, image: Path) -> None:
    """Launch one server unless it runs; returns before it is ready. What it wrote before a stop is still there."""
    group = group_of(world.name, server.name)
    if nspawn.alive(group):
        return
    nspawn.stop(group)  # an emptied group of an earlier life
    folder = folder_of(world, server.name)
    folder.mkdir(parents=True, exist_ok=True)
    host_key = world.state / "keys" / server.name
    seed = Seed(world.region, server, image, folder / "seed", ensure_pair(world.ssh_key), host_key)
    plant(seed)
    guest = nspawn.Guest(
        name=f"{world.name}-{server.name}"[:64],
        hostname=server.name,
        group=group,
        namespace=f"{world.name}.{server.name}",
        layers=(seed.folder, image),
        root=folder / "root",
        writes=folder / "writes",
        disk=_disk(folder),
        log=folder / "console.log",
    )
    (folder / "pid").write_text(f"{nspawn.launch(guest)}\n", encoding="ascii")


def introduce(world: World, servers: Sequence[Server]) -> None:
    """Put the servers' host keys where SSH looks for them."""
    ensure_pair(world.ssh_key)
    for server in servers:
        know(world.known_hosts, str(server.address), ensure_pair(world.state / "keys" / server.name))


def wait_ready(world: World, server: Server, image: Path) -> Ready:
    """Until SSH answers and systemd has settled. HostFailedError with the console's last lines when it does not."""
    started = time.monotonic()
    with netns.inside(str(world.station)):
        remote = world.fleet.on(server.name)
        while True:
            if not nspawn.alive(group_of(world.name, server.name)):
                raise HostFailedError(server.name, f"it ended while booting: {_console(world, server)}", _again(image))
            try:
                asked = remote.run(["systemctl", "is-system-running", "--wait"], Ask(timeout=_GLANCE))
                if asked.code != TIMED_OUT:
                    break
            except HostFailedError as error:
                if time.monotonic() - started > READY_SECONDS:
                    raise HostFailedError(server.name, f"{error.what}; {_console(world, server)}") from None
                time.sleep(_NOT_YET)
        listed = remote.run(["systemctl", "list-units", "--failed", "--plain", "--no-legend"]).out
    failed = tuple(line.split()[0] for line in listed.splitlines() if line.split())
    return Ready(server.name, asked.out.strip(), failed, time.monotonic() - started)


def kill(twin: str, server: str) -> None:
    """As if the power went: every process at once."""
    nspawn.stop(group_of(twin, server))


def inside(world: World, server: str) -> Path:
    """A running server's root folder, seen from this machine. OpsError when it does not run."""
    folder = folder_of(world, server)
    note = folder / "pid"
    pid = int(note.read_text(encoding="ascii")) if note.exists() else 0
    if pid not in nspawn.pids(group_of(world.name, server)):
        raise OpsError(f"{server} is not running", f"ops twin fault start-host {server} --name {world.name}")
    return Path(f"/proc/{pid}/root") / (folder / "root").resolve().relative_to("/")


def image_of(server: Server, images: dict[str, Path]) -> Path:
    return images[recipe_for(server.groups).name]


def _disk(folder: Path) -> Path | None:
    """The server's own disk: a sparse file with ext4, so that it can fill up. None where loop devices are missing."""
    if not Path("/dev/loop-control").exists():
        return None
    disk = folder / "disk.img"
    if not disk.exists():
        fresh = disk.with_suffix(".new")
        with fresh.open("wb") as out:
            out.truncate(DISK_BYTES)
        # no journal: a guest's "power cut" is not one of this machine, and the file is thrown away with the twin
        made = run(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1", str(fresh)])
        if not made.ok:
            raise OpsError(f"{fresh}: mkfs.ext4: {made.err.strip()}", "apt-get install -y e2fsprogs")
        fresh.rename(disk)
    return disk


def _console(world: World, server: Server) -> str:
    """The line of a guest's console that says most, and where the rest is."""
    log = folder_of(world, server.name) / "console.log"
    text = _COLOURS.sub("", log.read_text(errors="replace")) if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return f"{log} is empty"
    return f"console says: {next((line for line in lines if 'ailed' in line), lines[-1])} ({log})"


def _again(image: Path) -> str:
    return f"ops twin down, then ops twin up; if it stays so remove {image} and it will be built anew"
