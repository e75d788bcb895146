"""Invented data on a twin's source hosts, so that there is something to back up and to prove."""

from __future__ import annotations

from backup import layout, places
from backup.hostside import pg, programs
from backup.hostside import seed as hostside
from backup.layout import Item
from ops.errors import RefusedError
from ops.progress import Event, Progress, State, silent
from ops.system import hostpython
from ops.world import World

FILES = 400
SECONDS = 300.0
SEEDED = ("files", "postgresql", "sqlite")
SUITE = "suite"  # group of the server that runs the suite itself


def seed(world: World, progress: Progress = silent, sets: list[Item] | None = None) -> int:
    """Fill every declared set's source (or those of `sets`); a second time adds only what is missing or old.

    Returns how many rows and files were added. Refused outside a twin: invented data has no place among real data.
    """
    if world.station is None and not world.loopback:
        raise RefusedError("invented data goes into twins only", "name one: --twin NAME")
    added, spots, host = 0, places.of(world), places.on(world)
    own = {server.name for server in world.region.group(SUITE)} if not world.loopback else set()
    for item in layout.items(world.region) if sets is None else sets:
        if item.set.server in own:
            progress(Event("seed", item.key, State.SKIPPED, "what the suite itself keeps is never invented"))
            continue
        if item.set.kind not in SEEDED:
            progress(Event("seed", item.key, State.SKIPPED, f"no data is invented for {item.set.kind}"))
            continue
        places.check(world, item)
        asked = hostpython.Call((programs, pg, hostside), *_asked(item, spots.path_of(item)), timeout=SECONDS)
        new = int(hostpython.call(host(item.set.server), asked)["added"])
        what = "files" if item.set.kind == "files" else "rows"
        progress(Event("seed", item.key, State.CHANGED if new else State.OK, f"{new} {what} added"))
        added += new
    return added


def _asked(item: Item, path: str) -> tuple[str, dict[str, object]]:
    if item.set.kind == "postgresql":
        return "database", {"name": path, "owner": path, "run_as": "postgres", "where": []}
    if item.set.kind == "sqlite":
        return "sqlite_file", {"path": path}
    return "files", {"root": path, "count": FILES}
