"""Take one backup: data, then its signed manifest, then a line in the ledger. Only then is it a backup."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backup import keycheck, keys, manifest, places
from backup.layout import Item
from backup.places import Places
from backup.restic import Restic
from backup.sources.contract import Asked, Taken, source
from backup.trouble import ResticError, Trouble

_TAKING = ("begun", "backup")  # lines of the ledger that tell of backups themselves


@dataclass(frozen=True)
class BackupResult:
    """What came of one set. `error` is empty when it may be counted; sizes are bytes."""

    opd: str
    set: str
    server: str
    snapshot: str = ""
    bytes: int = 0
    added: int = 0
    seconds: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)
    unstable: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    next_step: str = ""

    @property
    def ok(self) -> bool:
        return not self.error


def take(spots: Places, item: Item) -> BackupResult:
    """Back one set up. Raises OpsError (ResticError, HostFailedError, …) when it may not be counted."""
    begun = time.monotonic()
    restic = spots.source(item, places.key_of(spots, item))
    places.installed(restic)
    restic.version()
    key = _registered(spots, item, restic)
    if _cut_off(spots, item):
        restic.unlock()
    at = time.time()
    # Written ahead: what an interrupted backup leaves in the append-only vault can be told from a stranger's.
    restic.mark = f"run-{secrets.token_hex(8)}"
    spots.ledger.append({"event": "begun", "of": item.key, "run": restic.mark, "at": at, "by": places.who()})
    asked = Asked(item.key, spots.path_of(item), spots.timezone, spots.memory, item.set.mount)
    taken = source(item.set.kind).take(restic, asked)
    entry = _record(spots, item, restic, taken, at)
    if not taken.saved.complete:
        what = f"{item.set.server}: {item.set.source}: snapshot {taken.saved.snapshot[:12]} is not complete"
        raise ResticError(Trouble.INCOMPLETE, what)
    spots.ledger.append({**entry, "key": key, "by": places.who()})
    return BackupResult(
        item.opd.code,
        item.set.name,
        item.set.server,
        taken.saved.snapshot,
        taken.saved.bytes,
        taken.saved.added,
        round(time.monotonic() - begun, 3),
        entry["counts"],
        taken.unstable,
        taken.figures,
    )


def _registered(spots: Places, item: Item, restic: Restic) -> str:
    """The repository's key; the ledger learns it on the first backup."""
    if known := places.key_of(spots, item):
        return known  # a repository that was there once and is gone must be an alarm, not a fresh empty one
    key = restic.ensure()
    keys.note(spots, item, key, keycheck.HOST)
    return key


def _cut_off(spots: Places, item: Item) -> bool:
    """Whether the last backup of this set began and was never counted: a restic that was killed leaves its lock."""
    told = [line["event"] for line in spots.ledger.read() if line["of"] == item.key and line["event"] in _TAKING]
    return bool(told) and told[-1] == "begun"


def _record(spots: Places, item: Item, restic: Restic, taken: Taken, at: float) -> dict[str, Any]:
    """Back the signed manifest up as a snapshot of its own; the ledger's line that speaks of both."""
    made = manifest.Manifest(
        item.opd.code,
        item.set.name,
        item.set.kind,
        item.set.server,
        item.set.source,
        taken.saved.snapshot,
        taken.path,
        at,
        taken.content,
        taken.unstable,
        taken.canaries,
        taken.figures,
    )
    text = manifest.sealed(made, spots.signer)
    tags = [manifest.TAG, f"of-{taken.saved.snapshot[:16]}"]
    words = [*restic.backup_words(restic.where.name, [item.key, *tags]), "--stdin", "--stdin-filename", manifest.FILE]
    kept = restic.backup(words, text)
    return {
        "event": "backup",
        "of": item.key,
        "kind": item.set.kind,
        "server": item.set.server,
        "source": item.set.source,
        "path": taken.path,
        "taken": at,
        "done": time.time(),
        "snapshot": taken.saved.snapshot,
        "manifest_snapshot": kept.snapshot,
        "manifest_sha256": manifest.digest(text),
        "run": restic.mark,
        "bytes": taken.saved.bytes,
        "added": taken.saved.added + kept.added,
        "counts": source(item.set.kind).counts(taken.content),
        "unstable": len(taken.unstable),
        "figures": dict(taken.figures),
    }
