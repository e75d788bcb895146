"""The throw-away PostgreSQL of a loopback twin: a unix socket only, the declared databases, gone with the twin."""

from __future__ import annotations

import time
from pathlib import Path

from backup import layout, loopback
from ops.errors import OpsError, ToolMissingError
from ops.inventory.model import Region
from ops.progress import Event, Progress, State
from ops.system import daemon
from ops.system.process import Ask, Done
from ops.world import World

DAEMON, STEP = "postgresql", "database"
START_SECONDS = 30.0
_SETTINGS = ("listen_addresses=", "fsync=off", "shared_buffers=32MB", "max_connections=20")  # its data is invented


def start(world: World, region: Region, progress: Progress) -> None:
    """Start it unless it runs, and make the databases that are missing. Skipped, with why, where that cannot be."""
    sets = [item.set for item in layout.items(region) if item.set.kind == "postgresql"]
    if not sets:
        return
    try:
        binaries = loopback.postgresql()
    except ToolMissingError as error:
        progress(Event(STEP, "", State.SKIPPED, f"{error.what} ({error.next_step})"))
        return
    running = daemon.alive(world.state, DAEMON)
    if not running:
        _start(world, binaries)
    there = set(_ask(world, binaries, "SELECT datname FROM pg_database").must("PostgreSQL").out.split())
    missing = sorted({one.source for one in sets} - there)
    for name in missing:
        made = f'CREATE ROLE "{name}" LOGIN', f'CREATE DATABASE "{name}" OWNER "{name}"'
        _ask(world, binaries, *made).must(f"database {name}")
    text = f"PostgreSQL with {len({one.source for one in sets})} databases, socket in {loopback.room(world)}"
    progress(Event(STEP, "", State.CHANGED if missing or not running else State.OK, text))


def _start(world: World, binaries: Path) -> None:
    data, room = world.state / "postgresql", loopback.room(world)
    room.mkdir(exist_ok=True, mode=0o700)
    here = loopback.Here("this-machine", {})
    if not (data / "PG_VERSION").exists():
        words = ["-D", str(data), "-U", loopback.SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        here.run([f"{binaries}/initdb", *words, "--no-sync"], Ask(timeout=120)).must("initdb")
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    daemon.start(world.state, DAEMON, [f"{binaries}/postgres", "-D", str(data), "-k", str(room), *settings])
    end = time.monotonic() + START_SECONDS
    while not _ask(world, binaries, "SELECT 1").ok:
        if not daemon.alive(world.state, DAEMON) or time.monotonic() > end:
            raise OpsError(f"PostgreSQL did not start: {daemon.last_line(world.state, DAEMON)}")
        time.sleep(0.1)


def _ask(world: World, binaries: Path, *statements: str) -> Done:
    words = [word for statement in statements for word in ("-c", statement)]
    argv = [f"{binaries}/psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres", *words]
    return loopback.on(world)(DAEMON).run(argv, Ask(timeout=60))
