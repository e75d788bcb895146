"""What is known of one set's repository when somebody wants to prune it: of ledger, repository and last drill."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from backup import prune_guard, recorded, unfinished
from backup.chain import Chain
from backup.layout import Item
from backup.places import Places
from backup.prune_guard import Copy, Facts, Refusal
from backup.restic import Snapshot


def lines(spots: Places, item: Item) -> list[dict[str, Any]]:
    """The ledger's lines of one set, oldest first."""
    return [line for line in spots.ledger.read() if line["of"] == item.key]


def epoch(one: Snapshot) -> float:
    """When its source host says that it was taken."""
    return datetime.fromisoformat(one.time).timestamp()


def against(
    spots: Places, item: Item, snapshots: Sequence[Snapshot], remove: Collection[str], planned: float = -1.0
) -> list[Refusal]:
    """What speaks against removing these data snapshots. `planned`: when a plan was shown last, epoch seconds."""
    told = lines(spots, item)
    counted = [line for line in told if line["event"] == "backup"]
    data, manifests = ({str(line[key]) for line in counted} for key in ("snapshot", "manifest_snapshot"))
    begun = set(unfinished.marks(told))
    ours = [one for one in snapshots if one.id in data or set(one.tags) & begun]
    entered = {str(line["snapshot"]): float(line.get("done", line.get("taken", 0.0))) for line in counted}
    copies = [
        Copy(one.id, epoch(one), one.bytes, one.id in data, entered.get(one.id, 0.0))
        for one in snapshots
        if one.id not in manifests
    ]
    foreign = {one.id for one in snapshots} - {one.id for one in ours} - manifests
    drilled = _drilled(spots, item)
    facts = Facts(
        time.time(),
        item.set.schedule,
        tuple(copies),
        frozenset(remove),
        str(counted[-1]["snapshot"]),
        tuple(sorted(foreign)),
        drilled,
        tuple(line.get("figures", {}) for line in counted if drilled is None or line["taken"] > drilled[1]),
        planned,
    )
    return prune_guard.refusals(facts)


def _drilled(spots: Places, item: Item) -> tuple[str, float] | None:
    """(class, when) of the set's last drill, by its signed record; never by an older one when that was changed."""
    for line in reversed(Chain(spots.evidence / "index.jsonl").read()):
        if recorded.key_of(line) not in ("", item.key):
            continue
        told = recorded.read(spots.evidence, line, spots.signer.public_pem())
        if told is None:
            return prune_guard.UNREADABLE, 0.0
        if f"{told['opd']}.{told['service']}" == item.key:
            return str(told["class"]), datetime.fromisoformat(told["declared"]).timestamp()
    return None
