"""The steps of a drill in their order: ledger, choose, manifest, room, restore, look, compare.

Each leaves a checkpoint (`backup/steps.py`) from which the rest can go on, in another process and on another day.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from backup import attacked, coverage, held, layout, manifest, places, production, quarantine, scanned, unfinished
from backup.checks.contract import Difference, Found, Point, checks
from backup.drilled import Drill
from backup.manifest import Manifest
from backup.places import Places
from backup.restic import Restic, Snapshot
from backup.sources.contract import Place, Restored, is_server, source
from backup.steps import Book
from backup.trouble import ResticError, Trouble
from backup.verify import standing
from ops.errors import OpsError, RefusedError
from ops.progress import Event, Progress, State
from ops.system import hostpython
from ops.system.process import Ask

ROOM = 1.05  # free space wanted, as a multiple of what will lie there
FOLDERS = 8  # that a drill makes beside what it restores
AWAY_SECONDS = 120.0


@dataclass
class Story:
    """What the steps of one drill share. `restic`: on the vault's read-only door, or on the private copy."""

    spots: Places
    drill: Drill
    book: Book
    folder: str
    progress: Progress
    restic: Restic | None = None
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, step: str, text: str = "") -> None:
        self.progress(Event("drill", self.drill.item.key, State.RUNNING, f"{step} {text}".strip()))

    @property
    def there(self) -> Restic:
        assert self.restic  # noqa: S101 # the ledger's step comes first
        return self.restic

    def round(self, name: str, did: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A step that reads the repository; where restic stumbles, once more on a private copy without the junk."""
        try:
            return self.book.step(name, did, work)
        except ResticError as error:
            if self.left_out or error.trouble not in quarantine.MAY_BE_JUNK or not self._quarantine():
                self.book.at = name
                raise
        return self.book.step(f"{name} again", did, work)

    def _quarantine(self) -> bool:
        """Whether there was anything to leave out."""
        view, need = f"{self.folder}/view", int(ROOM * self.drill.entry["bytes"])

        def work() -> dict[str, Any]:
            free = int(_standing(self)["free"])
            _fresh(self, view)
            return {"left_out": quarantine.make(self.there, view, free, need)}

        self.tell("quarantine", "a private copy without what is foreign or broken")
        made = self.book.step("quarantine", f"private copy in {view}", work)
        self.left_out = [(fault, what) for fault, what in made["left_out"]]
        self.drill.left_out = self.left_out
        if self.left_out:
            self.restic = quarantine.view(self.there, view)
        return bool(self.left_out)


def prove(run: Story) -> None:
    drill, item = run.drill, run.drill.item
    lines = _ledger(run)
    history = [line for line in lines if line["event"] == "backup"]
    if not history:
        raise OpsError(f"{item.key} was never backed up", "ops backup run")
    # The ledger decides what should be there; `latest` would be whatever an attacker or an accident put last.
    drill.entry, drill.url, drill.key = history[-1], run.there.repository.url, run.there.repository.key_hint
    known = [str(line["key"]) for line in lines if line["event"] == "key"]
    snapshots, keys = _choose(run, known, history)
    text, (made, signed) = _manifest(run)
    place = _restore(run, made)
    restored = _look(run, place, made)
    drill.restored = restored
    attack = _attack(run, made, history, frozenset(one.id for one in snapshots))
    drill.found = Found(
        entry=drill.entry,
        history=history,
        snapshots=snapshots,
        unfinished=unfinished.marks(lines),
        keys=keys,
        known_keys=known,
        manifest=made,
        signed=signed,
        digest=manifest.digest(text),
        restored=restored.content,
        point=point(drill.entry, restored.content, item.set.kind),
        declared=drill.declared,
        verified=time.time(),
        rpo=item.set.rpo,
        rto=item.set.rto,
        left_out=run.left_out,
        attacked=attack,
        locks=drill.locks,
        scanned=scanned.faults(run.spots.state, item.key, run.spots.place),
    )
    _compare(run, drill.found)


def _ledger(run: Story) -> list[dict[str, Any]]:
    """The ledger's lines of this set, as they were when the drill was declared: it only ever grows."""
    item, spots = run.drill.item, run.spots

    def work() -> dict[str, Any]:
        return {"lines": len(spots.ledger.read())}

    made = run.book.step("ledger", "newest backup that this station counted", work)
    run.restic = spots.view(item, places.key_of(spots, item))
    return [line for line in spots.ledger.read()[: made["lines"]] if line["of"] == item.key]


def _choose(run: Story, known: Sequence[str], history: Sequence[Mapping[str, Any]]) -> tuple[list[Snapshot], list[str]]:
    drill = run.drill

    def work() -> dict[str, Any]:
        run.tell("choose", f"snapshot {drill.entry['snapshot'][:12]}")
        restic = run.there
        if not run.left_out:
            places.installed(restic)
        version = ".".join(map(str, restic.version()))
        there = quarantine.listed(restic, history)
        found, locked = there.snapshots, {"locks": held.faults(there.locked), "waits": held.waits(there.locked)}
        keys = [next((one for one in known if name.startswith(one)), name) for name in there.keys]
        if all(one.id != drill.entry["snapshot"] for one in found):
            what = f"snapshot {drill.entry['snapshot'][:12]}, the newest in the ledger, is not in the repository"
            raise ResticError(Trouble.NO_SNAPSHOT, what)
        return {"version": version, "snapshots": [asdict(one) for one in found], "keys": keys, **locked}

    made = run.round("choose", "names of the keys, sums of the snapshots; restic snapshots where any is strange", work)
    drill.versions["restic"], drill.waiting = made["version"], bool(made["waits"])
    if drill.waiting:
        raise OpsError(made["waits"], "somebody works on the repository: drill it again when that is done")
    drill.locks = [(fault, what) for fault, what in made["locks"]]
    snapshots = [Snapshot(**{**one, "tags": tuple(one["tags"])}) for one in made["snapshots"]]
    drill.snapshot = next(one for one in snapshots if one.id == drill.entry["snapshot"])
    return snapshots, list(made["keys"])


def _manifest(run: Story) -> tuple[str, tuple[Manifest, bool]]:
    snapshot, public = run.drill.entry["manifest_snapshot"], run.spots.public_pem(run.drill.entry)

    def work() -> dict[str, Any]:
        text = run.there.dump(snapshot, manifest.FILE)
        manifest.opened(text, public)
        return {"sha256": run.book.put("manifest", text)}

    made = run.round("manifest", f"restic dump --no-lock {snapshot} {manifest.FILE}", work)
    text = run.book.get("manifest", made["sha256"])
    opened = manifest.opened(text, public)
    run.drill.manifest = opened[0]
    return text, opened


def _restore(run: Story, made: Manifest) -> Place:
    """Restore by snapshot id into a fresh folder of this drill alone."""
    item, limit = run.drill.item, max(60.0, run.drill.item.set.rto)
    is_file = source(item.set.kind).ONE_FILE
    path = made.path.rpartition("/")[0] or "/" if is_file else made.path
    snapshot, data = run.drill.entry["snapshot"], f"{run.folder}/data"
    run.book.step("room", f"is it a drill server; free space for {data}", lambda: _room(run, made))

    def work() -> dict[str, Any]:
        run.tell("restore", f"{run.drill.entry['bytes']} bytes")
        _fresh(run, data)  # what a killed restore left has right names and perhaps wrong bytes
        run.there.where.run(["mkdir", "-m", "0711", data], Ask(timeout=15)).must("the drill's folder must be new")
        return {"seconds": run.there.restore(snapshot, path, data, limit)["seconds"]}

    words = shlex.join(["restic", "restore", "--no-lock", f"{snapshot}:{path}", "--target", data])
    run.drill.restore_seconds = float(run.book.step("restore", words, work)["seconds"])
    name = made.path.rpartition("/")[2]
    return Place(run.folder, f"{data}/{name}" if is_file else data, run.spots.timezone, run.spots.run_as, limit)


def _fresh(run: Story, *paths: str) -> None:
    """The drill's folder is there, and nothing at `paths` inside of it."""
    where = run.there.where
    where.run(["mkdir", "-p", "-m", "0711", run.spots.drill_folder, run.folder], Ask(timeout=15)).must()
    where.run(["rm", "-rf", "--", *paths], Ask(timeout=AWAY_SECONDS)).must()


def _standing(run: Story) -> dict[str, Any]:
    about = {"folder": run.folder, "sets": layout.SET_FOLDER, "units": production.SERVICES}
    return dict(hostpython.call(run.there.where, hostpython.Call((standing,), "standing", about, 30)))


def _room(run: Story, made: Manifest) -> dict[str, Any]:
    """RefusedError on a machine that looks like production, OpsError where there is too little space."""
    told, where = _standing(run), run.there.where
    against = list(production.standing(where.name, told)) if where.name == run.spots.drill_server else []
    if against and not run.spots.root and where.name != "localhost":  # one machine is all there is in a loopback twin
        raise RefusedError(f"{where.name} looks like production: {against[0]}", "drills.server in drc.yml names it")
    loaded = int(made.content.get("bytes", 0)) if is_server(made.kind) else 0
    need = int(ROOM * (run.drill.entry["bytes"] + loaded))
    if told["free"] < need:
        raise OpsError(f"{where.name}: {need} bytes are needed, {told['free']} are free", "make room there")
    files = FOLDERS + int(ROOM * len(made.content) if made.kind == "files" else 0)
    if 0 <= told["names"] < files:
        what = f"{where.name}: {files} files are needed, its disk takes {told['names']} more (inodes)"
        raise OpsError(what, "make room there")
    return {"free": told["free"], "need": need, "names": told["names"], "files": files}


def _look(run: Story, place: Place, made: Manifest) -> Restored:
    kind = run.drill.item.set.kind

    def work() -> dict[str, Any]:
        run.tell("look", "at all that came back")
        if is_server(kind):  # what a throw-away server that was killed left
            _fresh(run, f"{run.folder}/pg", f"{run.folder}/s")
        seen = source(kind).look(run.there, place, made.content)
        return {"steps": dict(seen.steps), "sha256": run.book.put_json("found", seen.content)}

    kept = run.book.step("look", f"read all of {place.data}", work)
    restored = Restored(run.book.get_json("found", kept["sha256"]), kept["steps"])
    if source(kind).ONE_FILE and (version := restored.content.get("version")):
        run.drill.versions[kind] = str(version)
    return restored


def _attack(run: Story, made: Manifest, history: Sequence[Mapping[str, Any]], there: frozenset[str]) -> Sequence[str]:
    """What speaks for it that the tree was encrypted before it was backed up: then all of it equals its manifest."""
    drill = run.drill
    if drill.item.set.kind != "files" or drill.restored is None:
        return ()
    tree = attacked.Tree(run.there, f"{run.folder}/data", run.folder, made.path, drill.restored.content)
    proven = coverage.greens(run.spots.evidence).get(drill.item.key, 0.0)
    before = attacked.Before(drill.entry, history, there, proven)

    def work() -> dict[str, Any]:
        run.tell("attack", "does what came back look encrypted")
        return {"found": attacked.look(tree, before)}

    did = "which files look encrypted; restic diff with earlier backups where many do"
    return list(run.book.step("attack", did, work)["found"])


def _compare(run: Story, found: Found) -> None:
    """Every check; the time that it took is judged last, when all others are done."""
    drill = run.drill
    known = checks(drill.item.set.kind)

    def work() -> dict[str, Any]:
        made = {name: list(check.differences(found)) for name, check in known.items() if name != "rto"}
        verified = time.time()
        if "rto" in known:
            made["rto"] = list(known["rto"].differences(replace(found, verified=verified)))
        plain = {name: [(one.what, one.name, one.detail) for one in told] for name, told in made.items()}
        return {"verified": verified, "sha256": run.book.put_json("checked", plain)}

    kept = run.book.step("compare", f"checks {' '.join(known)}", work)
    told = run.book.get_json("checked", kept["sha256"])
    drill.verified = float(kept["verified"])
    drill.found = replace(found, verified=drill.verified)
    drill.checked = {name: [Difference(*one) for one in told[name]] for name in known}


def point(entry: Mapping[str, Any], content: Mapping[str, Any], kind: str) -> Point:
    """What a restore brings back: the newest time the data speaks of, else when it was read (by our own clock).

    No row can be newer than that: one that says so was written by a clock that is ahead.
    """
    newest = content.get("newest") if is_server(kind) else None
    if newest and float(newest["epoch"]) <= float(entry["taken"]):
        return Point(float(newest["epoch"]), f"newest row: {newest['column']}")
    return Point(float(entry["taken"]), "when the source was read, by the station's clock")
