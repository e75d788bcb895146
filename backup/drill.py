"""Prove one set: restore it into an isolated folder, look at all of it, compare, measure, clean up, leave evidence."""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backup import journal, manifest, places
from backup.checks.contract import Difference, Found, Point, checks
from backup.hostside import observe, pg, pg_prove, programs, tree
from backup.journal import Journal, Step
from backup.layout import Item
from backup.manifest import Manifest
from backup.places import Places
from backup.restic import Restic, Snapshot
from backup.sources.contract import Place, Restored, source
from ops.errors import OpsError
from ops.progress import Event, Progress, State
from ops.system import hostpython
from ops.system.process import Ask
from ops.system.signals import uninterrupted

ROOM = 1.05  # free space wanted, as a multiple of what will lie there
CLEANUP_SECONDS = 120.0
_PROVE = (programs, pg, pg_prove)


@dataclass
class Drill:
    """All that one drill saw. `failure`: why it could not go on, empty when it came to the end."""

    id: str
    item: Item
    declared: float
    steps: list[Step]
    verified: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    url: str = ""
    key: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    manifest: Manifest | None = None
    restored: Restored | None = None
    found: Found | None = None
    checked: dict[str, list[Difference]] = field(default_factory=dict)
    failure: str = ""
    error: OpsError | None = None  # what made it stop
    cleaned: bool = False

    @property
    def differences(self) -> int:
        return sum(len(found) for found in self.checked.values())

    @property
    def proven(self) -> bool:
        return bool(self.checked) and not self.failure and not self.differences and self.cleaned


def run(spots: Places, item: Item, progress: Progress) -> Drill:
    """Drill one set. Never raises for a drill that does not prove: the Drill says so."""
    declared = time.time()
    begun, token = time.strftime("%Y%m%dT%H%M%S", time.gmtime(declared)), secrets.token_hex(2)
    name = f"{begun}-{item.key}-{token}"
    # Without the set's name: a PostgreSQL socket's path may have 107 characters.
    folder = f"{spots.drill_folder}/{begun}-{token}"
    book = Journal(spots.journals / f"{name}.jsonl", server=spots.drill_server, folder=folder, of=item.key)
    drill = Drill(name, item, declared, book.steps)
    restic = None
    try:
        with book.step("ledger", "newest backup that this station counted"):
            lines = spots.ledger.read()
        restic = spots.view(item, places.key_of(spots, item))
        _prove(_Run(spots, drill, book, restic, folder, progress), lines)
    except OpsError as error:
        drill.failure, drill.error = f"{book.steps[-1].name}: {error.what}", error
    finally:
        with uninterrupted():  # also a drill that is cancelled takes away what it restored
            _clean(book, restic, folder, drill)
            book.close(drill.cleaned)
    return drill


def clean_abandoned(spots: Places, restic_on: Any, progress: Progress) -> int:
    """Take away what killed drills, or those that could not clean up, left; how many it were. `restic_on`: name → Exec.

    A server that cannot be reached stops no drill: what lies there is tried again the next time.
    """
    cleaned = 0
    for one in journal.abandoned(spots.journals):
        try:
            _remove(restic_on(one["server"]), one["folder"])
        except OpsError as error:
            progress(Event("clean up", one["drill"], State.FAILED, error.what))
            continue
        journal.close_abandoned(one["path"])
        progress(Event("clean up", one["drill"], State.CHANGED, "left by a drill that was cut off"))
        cleaned += 1
    return cleaned


@dataclass(frozen=True)
class _Run:
    """What the steps of one drill share."""

    spots: Places
    drill: Drill
    book: Journal
    restic: Restic
    folder: str
    progress: Progress

    def tell(self, step: str, text: str = "") -> None:
        self.progress(Event("drill", self.drill.item.key, State.RUNNING, f"{step} {text}".strip()))


def _prove(run: _Run, ledger: Sequence[Mapping[str, Any]]) -> None:
    drill, item = run.drill, run.drill.item
    lines = [line for line in ledger if line["of"] == item.key]
    history = [line for line in lines if line["event"] == "backup"]
    if not history:
        raise OpsError(f"{item.key} was never backed up", "ops backup run")
    # The ledger decides what should be there; `latest` would be whatever an attacker or an accident put last.
    drill.entry, drill.url, drill.key = history[-1], run.restic.repository.url, run.restic.repository.key_hint
    snapshots, keys = _choose(run)
    text, (made, signed) = _manifest(run)
    place = _restore(run, made)
    with run.book.step("look", f"read all of {place.data}"):
        run.tell("look", "at all that came back")
        restored = source(item.set.kind).look(run.restic, place, made.content)
        if source(item.set.kind).ONE_FILE and (version := restored.content.get("version")):
            drill.versions[item.set.kind] = str(version)
    with run.book.step("compare", f"checks {' '.join(checks(item.set.kind))}"):
        drill.restored, drill.verified = restored, time.time()
        drill.found = Found(
            entry=drill.entry,
            history=history,
            snapshots=snapshots,
            unfinished=_unfinished(lines),
            keys=keys,
            known_keys=[line["key"] for line in lines if line["event"] == "key"],
            manifest=made,
            signed=signed,
            digest=manifest.digest(text),
            restored=restored.content,
            point=point(drill.entry, restored.content, item.set.kind),
            declared=drill.declared,
            verified=drill.verified,
            rpo=item.set.rpo,
            rto=item.set.rto,
        )
        drill.checked = {name: list(check.differences(drill.found)) for name, check in checks(item.set.kind).items()}


def _choose(run: _Run) -> tuple[list[Snapshot], list[str]]:
    with run.book.step("choose", "restic snapshots --no-lock; restic key list --no-lock"):
        run.tell("choose", f"snapshot {run.drill.entry['snapshot'][:12]}")
        places.installed(run.restic)
        run.drill.versions["restic"] = ".".join(map(str, run.restic.version()))
        snapshots = run.restic.snapshots()
        keys = [key["id"] for key in run.restic.key_list()]
        run.drill.snapshot = next((one for one in snapshots if one.id == run.drill.entry["snapshot"]), None)
        if run.drill.snapshot is None:
            wanted = run.drill.entry["snapshot"][:12]
            raise OpsError(
                f"snapshot {wanted}, the newest in the ledger, is not in the repository", "keep the vault as it is"
            )
    return snapshots, keys


def _unfinished(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Marks of backups that began and were never counted."""
    counted = {line.get("run") for line in lines if line["event"] == "backup"}
    return [line["run"] for line in lines if line["event"] == "begun" and line["run"] not in counted]


def _manifest(run: _Run) -> tuple[str, tuple[Manifest, bool]]:
    snapshot = run.drill.entry["manifest_snapshot"]
    with run.book.step("manifest", f"restic dump --no-lock {snapshot} {manifest.FILE}"):
        text = run.restic.dump(snapshot, manifest.FILE)
        opened = manifest.opened(text, run.spots.signer.public_pem())
    run.drill.manifest = opened[0]
    return text, opened


def _restore(run: _Run, made: Manifest) -> Place:
    """Restore by snapshot id into a fresh folder of this drill alone."""
    item, limit = run.drill.item, max(60.0, run.drill.item.set.rto)
    is_file = source(item.set.kind).ONE_FILE
    path = made.path.rpartition("/")[0] or "/" if is_file else made.path
    snapshot, data = run.drill.entry["snapshot"], f"{run.folder}/data"
    with run.book.step("room", f"mkdir {data}; free space"):
        run.restic.where.run(["mkdir", "-p", "-m", "0711", run.spots.drill_folder, run.folder], Ask(timeout=15)).must()
        run.restic.where.run(["mkdir", "-m", "0711", data], Ask(timeout=15)).must("the drill's folder must be new")
        _room(run, made)
    with run.book.step(
        "restore", shlex.join(["restic", "restore", "--no-lock", f"{snapshot}:{path}", "--target", data])
    ):
        run.tell("restore", f"{run.drill.entry['bytes']} bytes")
        run.restic.restore(snapshot, path, data, limit)
    name = made.path.rpartition("/")[2]
    return Place(run.folder, f"{data}/{name}" if is_file else data, run.spots.timezone, run.spots.run_as, limit)


def _room(run: _Run, made: Manifest) -> None:
    asked = hostpython.Call((programs, tree, observe), "room", {"path": run.folder}, 30)
    free = int(hostpython.call(run.restic.where, asked))
    loaded = int(made.content.get("bytes", 0)) if made.kind == "postgresql" else 0
    need = int(ROOM * (run.drill.entry["bytes"] + loaded))
    if free < need:
        raise OpsError(f"{run.restic.where.name}: {need} bytes are needed, {free} are free", "make room there")


def point(entry: Mapping[str, Any], content: Mapping[str, Any], kind: str) -> Point:
    """What a restore brings back: the newest time the data speaks of, else when it was read (by our own clock).

    No row can be newer than that: one that says so was written by a clock that is ahead.
    """
    newest = content.get("newest") if kind == "postgresql" else None
    if newest and float(newest["epoch"]) <= float(entry["taken"]):
        return Point(float(newest["epoch"]), f"newest row: {newest['column']}")
    return Point(float(entry["taken"]), "when the source was read, by the station's clock")


def _clean(book: Journal, restic: Restic | None, folder: str, drill: Drill) -> None:
    """A step like any other: a drill that leaves something behind is not proven."""
    try:
        with book.step("clean up", f"remove {folder}"):
            if restic:
                _remove(restic.where, folder)
        drill.cleaned = True
    except OpsError as error:
        drill.failure, drill.error = drill.failure or f"clean up: {error.what}", drill.error or error


def _remove(where: Any, folder: str) -> None:
    hostpython.call(where, hostpython.Call(_PROVE, "remove", {"folder": folder}, CLEANUP_SECONDS))
