"""Enter what hosts backed up by themselves into the ledger: their signed manifests, as the vault received them.

A host may say what it wants of its own data; what it cannot do is say it later. Once a manifest's digest is in the
ledger, another one for the same backup is a stranger's.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backup import keycheck, keys, manifest, places, quarantine, readable
from backup.keys import REGION
from backup.layout import Item
from backup.manifest import Manifest
from backup.places import Places
from backup.restic import Restic, Snapshot
from backup.signing import verify
from backup.sources.contract import source
from backup.trouble import ResticError
from ops.errors import OpsError
from ops.system.process import Ask

PUBLIC_KEY = "/etc/kominfo/keys/backup-sign.pub.pem"
AHEAD = 300.0  # seconds that a host's clock may be before the vault's


@dataclass(frozen=True)
class Collected:
    """What came of one set: how many backups were counted, and what may not be (snapshot and why)."""

    set: str
    counted: int
    refused: tuple[str, ...] = ()


def collect(spots: Places, item: Item) -> Collected:
    """Count every backup of one set that its host took by itself and that the ledger does not know.

    Junk that a thief of the host's credential put there is told, and keeps no backup from being counted.
    """
    ledger = [line for line in spots.ledger.read() if line["of"] == item.key]
    known = {line["manifest_snapshot"] for line in ledger if line["event"] == "backup"}
    ours = {line["run"] for line in ledger if line["event"] == "begun"}
    restic = spots.view(item, places.key_of(spots, item))
    there, junk = readable.snapshots(restic, f"{spots.drill_folder}/look-{item.key}")
    fresh = [one for one in there if manifest.TAG in one.tags and one.id not in known and not set(one.tags) & ours]
    received = _received(spots, item) if fresh else {}
    counted, refused = 0, junk
    for snapshot in sorted(fresh, key=lambda one: received.get(one.id, 0.0)):
        why = _enter(spots, item, restic, snapshot, there, received.get(snapshot.id))
        counted += not why
        refused += [f"{snapshot.id[:12]}: {why}"] if why else []
    return Collected(item.key, counted, tuple(refused))


def register_signer(spots: Places, server: str, *, again: bool = False) -> str:
    """Note the key by which a host signs; its mark. OpsError when it is another than the registered one.

    A host that was set up anew has a new key: that is said by a person (`again`), not by the host.
    """
    if spots.host is None:
        raise OpsError("a loopback twin has no hosts that sign", "sudo make demo")
    public = spots.host(server).run(["cat", PUBLIC_KEY], Ask(timeout=30)).must(f"{server}: {PUBLIC_KEY}").out
    mark = mark_of(public)
    before = signers(spots.ledger.read(), server)
    if before and before[-1]["mark"] != mark and not again:
        raise OpsError(f"{server} signs with another key than before", "set up anew? ops backup keys register --again")
    if not before or before[-1]["mark"] != mark:
        line = {"event": "signer", "of": REGION, "server": server, "public": public, "mark": mark}
        spots.ledger.append({**line, "at": time.time(), "by": places.who()})
    return mark


def signers(ledger: Sequence[Mapping[str, Any]], server: str) -> list[Mapping[str, Any]]:
    return [line for line in ledger if line["event"] == "signer" and line["server"] == server]


def mark_of(public_pem: str) -> str:
    """Short name of a public key."""
    return hashlib.sha256(public_pem.encode()).hexdigest()[:16]


def _enter(
    spots: Places, item: Item, restic: Restic, snapshot: Snapshot, there: Sequence[Snapshot], received: float | None
) -> str:
    """Count one backup; else why not."""
    try:
        text = restic.dump(snapshot.id, manifest.FILE)
    except ResticError as error:
        if error.trouble not in quarantine.MAY_BE_JUNK:
            raise
        return f"its manifest cannot be read: {error.what}"
    by = _signed_by(spots.ledger.read(), item.set.server, text)
    if not by:
        return "the manifest is signed by none of the host's registered keys"
    made, _ = manifest.opened(text, by["public"])
    counted = [line for line in spots.ledger.read() if line["event"] == "backup" and line["of"] == item.key]
    if any(line["snapshot"] == made.snapshot for line in counted):
        return f"snapshot {made.snapshot[:12]} is in the ledger already: somebody says it again, or something else"
    if why := _wrong(item, made, {one.id for one in there}):
        return why
    _known(spots, item, made)
    spots.ledger.append(_line(item, made, snapshot, by["mark"], received) | {"manifest_sha256": manifest.digest(text)})
    return ""


def _signed_by(ledger: Sequence[Mapping[str, Any]], server: str, text: str) -> Mapping[str, Any] | None:
    """The registered key of the host that signed it."""
    outer = manifest.outer(text)
    return next(
        (one for one in signers(ledger, server) if verify(one["public"], outer[0].encode(), outer[1])),
        None,
    )


def _wrong(item: Item, made: Manifest, there: set[str]) -> str:
    told = (made.opd, made.set, made.server, made.kind)
    if told != (item.opd.code, item.set.name, item.set.server, item.set.kind):
        return f"the manifest speaks of {'.'.join(told[:2])} on {made.server}"
    if made.snapshot not in there:
        return f"its data, snapshot {made.snapshot[:12]}, is not in the repository"
    return ""


def _known(spots: Places, item: Item, made: Manifest) -> None:
    """The repository's key of a host that made it by itself, and the marks of what it began and never ended."""
    if made.run.get("key") and not places.key_of(spots, item):
        keys.note(spots, item, made.run["key"], keycheck.HOST)
    for mark in (*made.run.get("unfinished", ()), made.run.get("mark", "")):
        line = {"event": "begun", "of": item.key, "run": mark, "at": made.taken, "by": f"{made.server} (timer)"}
        spots.ledger.append(line)


def _line(item: Item, made: Manifest, snapshot: Snapshot, mark: str, received: float | None) -> dict[str, Any]:
    """As `take` writes it. When it was read is the host's word, but never after the vault received it."""
    taken = made.taken if received is None else min(made.taken, received)
    ahead = round(made.taken - received, 1) if received is not None and made.taken > received + AHEAD else 0.0
    return {
        "event": "backup",
        "of": item.key,
        "kind": item.set.kind,
        "server": item.set.server,
        "source": made.source,
        "path": made.path,
        "taken": taken,
        "clock_ahead": ahead,
        "done": received or made.taken,
        "snapshot": made.snapshot,
        "manifest_snapshot": snapshot.id,
        "run": made.run.get("mark", ""),
        "bytes": int(made.run.get("bytes", 0)),
        "added": int(made.run.get("added", 0)),
        "counts": source(item.set.kind).counts(made.content),
        "unstable": len(made.unstable),
        "figures": dict(made.figures),
        "key": made.run.get("key", ""),
        "signed_by": mark,
        "by": f"{made.server} (timer)",
    }


def _received(spots: Places, item: Item) -> dict[str, float]:
    """Snapshot id → when the vault received it (epoch seconds, the vault's clock)."""
    found = (line.split(" ", 1) for line in spots.received(item).splitlines() if " " in line)
    return {name: float(at) for at, name in found}
