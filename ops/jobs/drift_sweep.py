"""The sweep: one program on each server compares what is there with the manifest that the last apply left.

A host that does not answer, that no run has left a manifest of, or that could not tell all, is unknown: never clean.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ops.errors import HostFailedError, OpsError, UsageError
from ops.jobs import drift_manifest
from ops.jobs.drift_note import counted, note, scopes
from ops.progress import Event, Progress, State, silent
from ops.sweep.compare import ARTEFACT, FILE, HAND, Drifted, Seen, ask, compare, unknown
from ops.system import threads
from ops.world import World

STEP = "sweep"
PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
CLEAN, DRIFTED, UNKNOWN = "clean", "drifted", "unknown"
AT_ONCE = 32
KEPT_OPEN = 64  # connections; with more hosts each is closed after its look
Look = Callable[[World, str, Mapping[str, Any]], Seen]


@dataclass(frozen=True)
class Swept:
    """What was found on one host. `why`: why it, or a part of it, is unknown. `at`: epoch seconds."""

    host: str
    state: str
    at: float
    items: tuple[Drifted, ...] = ()
    why: str = ""
    seconds: float = 0.0
    scopes: tuple[str, ...] = ()  # of whom something is on it

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "items": [asdict(item) for item in self.items]}

    def of(self, scopes: Sequence[str]) -> Swept:
        """Only what concerns these offices; a host that is unknown stays so."""
        items = tuple(item for item in self.items if item.scope in scopes)
        return replace(self, items=items, state=DRIFTED if items else UNKNOWN if self.why else CLEAN)

    @property
    def repair(self) -> dict[str, Any]:
        """What a repair would do: tags to converge, files to take into service, artefacts; and what it can not."""
        mine = [item for item in self.items if item.cure not in {HAND, ARTEFACT}]
        return {
            "tags": sorted({tag for item in mine for tag in _tags(item)}),
            "again": sorted({item.follows for item in mine if item.cure == FILE}),
            "artefacts": sorted({item.name for item in self.items if item.cure == ARTEFACT}),
            "by_hand": [f"{item.kind} {item.name}: {item.what}" for item in self.items if item.cure == HAND],
        }


def _tags(item: Drifted) -> Sequence[str]:
    """The narrowest tag by which a playbook still comes to the task; all of them where nothing tells."""
    reached = [tag for tag in item.tags if tag in _includes().get(item.role, ())]
    return reached[:1] or item.tags


@cache
def _includes() -> Mapping[str, Sequence[str]]:
    """Tags by which site.yml includes each role: one file of playbooks/tasks for each."""
    files = sorted((PLAYBOOKS / "tasks").glob("*.yml"))
    tasks = [task for path in files for task in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)]
    return {task["ansible.builtin.include_role"]["name"]: task.get("tags", ()) for task in tasks}


def sweep(
    world: World, hosts: Sequence[str], progress: Progress = silent, look: Look = drift_manifest.look
) -> list[Swept]:
    """All hosts side by side; one that fails, fails alone. The caller stands in the world's network."""
    with threads.pool(AT_ONCE, world.enter) as pool:
        found = list(pool.map(lambda host: _sweep(world, host, progress, look, len(hosts) > KEPT_OPEN), hosts))
    for one in found:
        note(world, one.host, counted(one.scopes, one.items), is_unknown=bool(one.why))
    return found


def servers(world: World, opds: Sequence[str] = (), hosts: Sequence[str] = ()) -> tuple[str, ...]:
    """The servers to look at: those named (also by group), or those that hold something of these offices, or all."""
    known = {server.name for server in world.region.servers}
    groups = {
        group: [one.name for one in world.region.group(group)] for one in world.region.servers for group in one.groups
    }
    wanted: set[str] = set()
    for name in hosts:
        if name not in known and name not in groups:
            raise UsageError(f"no server and no group is called {name!r}", f"known: {', '.join(sorted(known))}")
        wanted.update([name] if name in known else groups[name])
    if not hosts and opds:
        made = (drift_manifest.read(world, name) for name in known)
        wanted = {one.host for one in made if one and any(item.scope in opds for item in one.items)}
    return tuple(sorted(wanted if hosts or opds else known))


def _sweep(world: World, host: str, progress: Progress, look: Look, hang_up: bool) -> Swept:
    began = time.monotonic()
    found = _looked(world, host, look)
    if hang_up and host in world.fleet.logins:
        world.fleet.on(host).close()
    found = replace(found, seconds=round(time.monotonic() - began, 2))
    state = {CLEAN: State.OK, DRIFTED: State.CHANGED, UNKNOWN: State.FAILED}[found.state]
    text = f"{len(found.items)} differ" if found.items else "as it was left" if found.state == CLEAN else ""
    progress(Event(STEP, host, state, "; ".join(filter(None, (text, found.why)))))
    return found


def _looked(world: World, host: str, look: Look) -> Swept:
    manifest = drift_manifest.read(world, host)
    if manifest is None:
        return Swept(host, UNKNOWN, time.time(), why=f"no run has left a manifest: ops provision --limit {host}")
    try:
        seen = look(world, host, ask(manifest.items))
        fresh = drift_manifest.read(world, host)
        if fresh is not None and fresh != manifest:  # a run has changed the host meanwhile
            manifest, seen = fresh, look(world, host, ask(fresh.items))
    except HostFailedError as error:
        why = error.what.removeprefix(f"{host}: ") + (f"; {error.next_step}" if error.next_step else "")
        return Swept(host, UNKNOWN, time.time(), why=why, scopes=scopes(manifest))
    items, why = tuple(compare(manifest, seen)), unknown(seen)
    return Swept(
        host, DRIFTED if items else UNKNOWN if why else CLEAN, time.time(), items, why, scopes=scopes(manifest)
    )


def accepted(world: World, hosts: Sequence[str], progress: Progress = silent) -> None:
    """Take what nothing declares on these hosts as known from now on. OpsError for the first that fails."""
    for host in hosts:
        try:
            manifest = drift_manifest.accept(world, host)
        except OpsError as error:
            progress(Event("accept", host, State.FAILED, error.what))
            raise
        progress(Event("accept", host, State.CHANGED, f"{len(manifest.items)} items"))
