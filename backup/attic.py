"""Take out of a repository what a thief of a host's credential put there: moved to an attic, never deleted.

A snapshot that nobody of ours took keeps every drill red and every prune refused, and rightly so. When a person has
looked at it, its one small file goes to a folder outside of the repository; what it points to goes with a later prune.
A plan names the file; exactly this one is moved, and the ledger says by whom.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backup import prune_facts, readable
from backup.chain import canonical
from backup.layout import Item
from backup.places import Places
from backup.restic import Restic
from ops.errors import OpsError, RefusedError, UsageError
from ops.system.process import Ask

EVENT = "quarantined"  # of the ledger's line
KINDS = ("snapshots", "index", "keys", "locks")
AHEAD = 300.0  # seconds that a source host's clock may be ahead
_NAME = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Move:
    """A file that would go. `file`: kind/name in the repository · `why`: what is wrong with it · `to`: where to."""

    of: str
    file: str
    bytes: int
    why: str
    to: str
    made: float

    @property
    def id(self) -> str:
        return hashlib.sha256(canonical(asdict(self)).encode()).hexdigest()[:12]

    def told(self) -> dict[str, Any]:
        return {**asdict(self), "id": self.id}


def plan(spots: Places, item: Item, restic: Restic, file: str, attic: str) -> Move:
    """Look and say what would be moved; nothing is. `file`: kind/name, the name's beginning will do. The plan is kept.

    RefusedError for what is ours: a backup that the ledger counts, an index or a key that is whole.
    """
    kind, name, size = _there(restic, file)
    made = Move(item.key, f"{kind}/{name}", size, _why(spots, item, restic, kind, name), f"{attic}/{kind}/{name}",
                time.time())  # fmt: skip
    folder = _folder(spots)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / f"{made.id}.json").write_text(json.dumps(asdict(made), indent=2) + "\n", encoding="utf-8")
    return made


def load(spots: Places, plan_id: str) -> Move:
    """A plan that was shown. UsageError when there is none of that id, RefusedError when it was changed since."""
    path = _folder(spots) / f"{plan_id}.json"
    if not plan_id.isalnum() or not path.is_file():
        raise UsageError(f"there is no plan {plan_id} to move a file", "ops backup quarantine SET --snapshot ID")
    found = Move(**json.loads(path.read_text(encoding="utf-8")))
    if found.id != plan_id:
        raise RefusedError(f"plan {plan_id} is not the one that was shown", "ops backup quarantine SET --snapshot ID")
    return found


def apply(spots: Places, item: Item, restic: Restic, made: Move, by: str) -> dict[str, Any]:
    """Move exactly what the plan names; the ledger's line. RefusedError when it has become ours meanwhile."""
    kind, _, name = made.file.partition("/")
    done = [line for line in spots.ledger.read() if line["event"] == EVENT and line["plan"] == made.id]
    if done:
        return done[0]
    source = f"{restic.repository.url}/{made.file}"
    if restic.where.run(["test", "-e", source], Ask(timeout=30)).ok:  # else: killed before it could note it
        _why(spots, item, restic, kind, name)
        restic.where.run(["mkdir", "-p", "-m", "700", str(Path(made.to).parent)], Ask(timeout=30)).must()
        restic.where.run(["mv", "-n", "--", source, made.to], Ask(timeout=60)).must()
    for words in (["test", "!", "-e", source], ["test", "-f", made.to]):
        if not restic.where.run(words, Ask(timeout=30)).ok:
            raise OpsError(f"{restic.where.name}: {made.file} was not moved to {made.to}", "look at both by hand")
    line = {"event": EVENT, "of": made.of, "plan": made.id, "file": made.file, "bytes": made.bytes, "why": made.why}
    return spots.ledger.append({**line, "to": made.to, "by": by, "at": time.time()})


def gone(spots: Places, item: Item, since: float) -> set[str]:
    """Files (kind/name) that were moved away since; epoch seconds."""
    lines = prune_facts.lines(spots, item)
    return {str(line["file"]) for line in lines if line["event"] == EVENT and line["at"] >= since}


def _there(restic: Restic, file: str) -> tuple[str, str, int]:
    """(kind, name, bytes) of the one file that is meant."""
    kind, _, begins = file.partition("/")
    if kind not in KINDS or not _NAME.fullmatch(begins):
        raise UsageError(f"{file}: no file of a repository", "at least 8 digits of a snapshot's id")
    words = ["find", f"{restic.repository.url}/{kind}", "-type", "f", "-name", f"{begins}*", "-printf", "%s %f\\n"]
    found = restic.where.run(words, Ask(timeout=60)).must(f"{restic.where.name}: {kind}").out.splitlines()
    if len(found) != 1:
        raise UsageError(f"{len(found)} files of {kind} begin with {begins}", "ops backup prune --plan names them")
    size, _, name = found[0].partition(" ")
    return kind, name, int(size)


def _why(spots: Places, item: Item, restic: Restic, kind: str, name: str) -> str:
    """What is wrong with this file. RefusedError when nothing is."""
    snapshots, junk = readable.judged(restic, f"{spots.drill_folder}/look-{item.key}")
    if found := [what for what in junk if what.startswith(f"{kind}/{name[:12]}")]:
        return found[0]
    if kind != "snapshots":
        raise RefusedError(f"{kind}/{name[:12]} is whole: nobody needs it away", "ops drill run says what is wrong")
    counted = [line for line in prune_facts.lines(spots, item) if line["event"] == "backup"]
    ours = {str(line[key]): line for line in counted for key in ("snapshot", "manifest_snapshot")}
    one = next(one for one in snapshots if one.id == name)
    told = f"dated {one.time[:19]}, by {one.host}, tags {','.join(one.tags) or '-'}"
    if name not in ours:
        return f"no backup that the ledger counts; {told}"
    if prune_facts.epoch(one) > time.time() + AHEAD and ours[name] is not counted[-1]:
        return f"counted, but its host dated it ahead; {told}"
    raise RefusedError(f"snapshot {name[:12]} is a backup that the ledger counts", _next(ours[name], counted[-1]))


def _next(line: Mapping[str, Any], newest: Mapping[str, Any]) -> str:
    return "ops backup run first, if its date is ahead" if line is newest else "ops backup prune removes what is old"


def _folder(spots: Places) -> Path:
    return spots.state / "quarantines"
