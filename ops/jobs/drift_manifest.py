"""Manifests of a world's servers, `<state>/manifests/<host>.json`: what the last provision and apply left there.

The callback kominfo_manifest notes what a run's results say; a look at the host right after the run adds what only the
host knows. A host that can not be looked at keeps the manifest it had.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import reconcile
from ops.errors import OpsError
from ops.jobs.drift_note import counted, note, scopes
from ops.plan.change import Artifact, Change, digest
from ops.progress import Event, Progress, State, silent
from ops.reconcile import Outcome
from ops.sweep import baseline
from ops.sweep.baseline import Left
from ops.sweep.compare import Seen, ask, compare, unknown
from ops.sweep.item import APPLY, Because, Item, Manifest, dump, item_of, load
from ops.system import host_state, threads
from ops.system.ansible import RunSummary
from ops.system.hostpython import Call, call
from ops.targets.host_files import HostFiles
from ops.world import World

STEP = "manifest"
FOLDER, RUNS = "manifests", "manifests/runs"
AT_ONCE = 16  # hosts looked at side by side
KEPT_RUNS = 20  # notes of runs whose end nobody saw
_SECONDS = 180.0  # for one look: a server under load hashes slowly, and without it the run leaves no manifest
_PAUSE, _LOOKS = 1.0, 10  # services that were restarted open their ports a moment later


def read(world: World, host: str) -> Manifest | None:
    """The manifest of a host; None when no run has left one, or one that this version does not know."""
    try:
        return load(json.loads(_file(world, host).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def write(world: World, manifest: Manifest) -> None:
    path = _file(world, manifest.host)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(dump(manifest), ensure_ascii=False), encoding="utf-8")
    fresh.replace(path)


def look(world: World, host: str, asked: Mapping[str, Any]) -> Seen:
    """What is there now, in one program on the host. HostFailedError when it can not be asked."""
    return host_state.unpacked(call(world.fleet.on(host), Call((host_state,), "packed", {"asked": asked}, _SECONDS)))


def keep(world: World, summary: RunSummary, whole: bool, progress: Progress = silent) -> None:
    """After a provision: the manifests of the hosts it reached. `whole`: it was of all roles."""
    found = _found(world, summary.run)
    left = {
        name: Left(summary.run, time.time(), found.get(name, ()), whole=whole and not host.error)
        for name, host in summary.hosts.items()
    }
    _keep(world, left, progress)


def keep_applied(world: World, outcome: Outcome, run: str, progress: Progress = silent) -> None:
    """After an apply: the manifests of the servers whose files it changed, where there is one."""
    changed = {result.change.host for result in outcome.results if not result.error}
    left = Left(run, time.time(), (), source=APPLY, served=True)
    servers = {server.name for server in world.region.servers}
    _keep(world, {host: left for host in sorted(changed & servers) if read(world, host)}, progress)


@dataclass(frozen=True)
class Declared:
    """A file that an artefact says must be on a host."""

    artifact: Artifact
    item: Item

    @property
    def change(self) -> Change:
        """What puts it there again."""
        one = self.artifact
        return Change(one.kind, one.key, "", one.content, one.because)


def declared(world: World, hosts: Iterable[str]) -> dict[str, list[Declared]]:
    """The artefacts' files by host."""
    targets, found = reconcile.targets(), {host: list[Declared]() for host in hosts}
    wanted = [
        one for one in reconcile.derive(world.region) if one.host in found and isinstance(targets[one.kind], HostFiles)
    ]
    world.secrets.make_all([one.content for one in wanted])
    for one in wanted:
        target = targets[one.kind]
        if isinstance(target, HostFiles):
            found[one.host].append(Declared(one, _item(world, target, one)))
    return found


def _item(world: World, target: HostFiles, one: Artifact) -> Item:
    (file,) = target.arguments(world, [Change(one.kind, one.key, None, one.content, one.because)])["files"]
    rights = {"mode": file["mode"], "owner": "root", "group": file.get("group", "root")}
    because = Because(task=f"{one.kind} of {one.scope}", at=one.because)
    return Item("file", file["path"], {**rights, "sha256": digest(file["content"])}, because, APPLY, one.scope)


def _keep(world: World, left: Mapping[str, Left], progress: Progress) -> None:
    files = declared(world, left)

    def one(host: str) -> None:
        try:
            _settle(world, host, left[host], [file.item for file in files[host]])
        except OpsError as error:
            progress(Event(STEP, host, State.FAILED, f"not kept: {error.what}"))

    with threads.pool(AT_ONCE, world.enter) as pool:
        list(pool.map(one, left))


def _settle(world: World, host: str, left: Left, wanted: Sequence[Item]) -> None:
    old = read(world, host)
    said = baseline.declared(left, old)
    asked = ask([*(old.items if old else ()), *said], also=[item.name for item in wanted])
    seen = _quiet(world, host, look(world, host, asked), asked) if left.changed else look(world, host, asked)
    made = baseline.artefacts(baseline.settle(host, left, seen, old), wanted, seen)
    write(world, made)
    note(world, host, counted(scopes(made), compare(made, seen)), is_unknown=bool(unknown(seen)))


def _quiet(world: World, host: str, seen: Seen, asked: Mapping[str, Any]) -> Seen:
    """The look, once ports and units have stopped changing."""
    few = {**{kind: [] for kind in asked}, "units": asked["units"]}
    for _ in range(_LOOKS):
        time.sleep(_PAUSE)
        again = look(world, host, few)
        moved = (again["ports"], again["units"]) != (seen["ports"], seen["units"])
        seen = {**seen, "ports": again["ports"], "units": again["units"]}
        if not moved:
            break
    return seen


def _found(world: World, run: str) -> dict[str, list[Item]]:
    """What the callback noted of a run, by host; its note is removed, and those that nobody asked for in time."""
    folder = world.state / RUNS
    by_address = {str(server.address): server.name for server in world.region.servers}
    found: dict[str, list[Item]] = {}
    note = folder / f"{run}.jsonl"
    for line in _lines(note):
        host = line.pop("host")
        found.setdefault(by_address.get(host, host), []).append(item_of(line))
    note.unlink(missing_ok=True)
    for old in sorted(folder.glob("*.jsonl"))[:-KEPT_RUNS]:
        old.unlink(missing_ok=True)
    return found


def _lines(note: Path) -> Iterator[dict[str, Any]]:
    if note.is_file():
        for line in note.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):  # the last one of a run that was killed
                yield json.loads(line)


def _file(world: World, host: str) -> Path:
    return world.state / FOLDER / f"{host}.json"


def accept(world: World, host: str) -> Manifest:
    """Take what only the host knows as it is now. OpsError without a manifest, HostFailedError without an answer."""
    manifest = read(world, host)
    if manifest is None:
        raise OpsError(f"{host}: no run has left a manifest", f"ops provision --limit {host}")
    seen = look(world, host, ask(manifest.items))
    accepted = baseline.accept(manifest, seen, time.time())
    write(world, accepted)
    return accepted
