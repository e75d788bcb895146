"""The repository holds the snapshot that the ledger says is newest, and none that the ledger does not know.

What an interrupted or incomplete backup of ours left bears a mark that the ledger wrote down before it began. Others
are told by what they look like: near-empty in masses, dated in the future, or merely put there.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator, Sequence

from backup.checks.contract import Difference, Found
from backup.restic import Snapshot
from backup.verify import choose
from backup.verify.locks import AHEAD, when

KINDS: tuple[str, ...] = ()
TITLE = ("Snapshot sesuai buku besar", "Snapshots are those of the ledger")


def differences(found: Found) -> Iterator[Difference]:
    there = {snapshot.id for snapshot in found.snapshots}
    known = {entry[key] for entry in found.history for key in ("snapshot", "manifest_snapshot")}
    if found.entry["snapshot"] not in there:
        yield Difference(
            "missing", found.entry["snapshot"][:12], "the ledger's newest snapshot is not in the repository"
        )
    begun = set(found.unfinished)
    strange = [one for one in found.snapshots if one.id not in known and not set(one.tags) & begun]
    flood = _flood(found, strange)
    for one in strange:
        what = _what(one, flood, found.declared)
        yield Difference(what, one.id[:12], f"taken {one.time} on {one.host}, not by this station")


def _what(one: Snapshot, flood: Collection[str], declared: float) -> str:
    if one.id in flood:
        return "flood"
    return "future" if when(one.time) > declared + AHEAD else "foreign"


def _flood(found: Found, strange: Sequence[Snapshot]) -> set[str]:
    """Ids of near-empty ones, where so many lie close together that good backups shall drown among them."""
    expected = statistics.median(entry["bytes"] for entry in found.history)
    small = [one for one in strange if one.bytes < choose.NEAR_EMPTY * expected]
    drowning = choose.flood([when(one.time) for one in small], choose.FLOOD, choose.FLOOD_TIME)
    return {one.id for one in small} if drowning else set()
