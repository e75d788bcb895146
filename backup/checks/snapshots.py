"""The repository holds the snapshot that the ledger says is newest, and none that the ledger does not know.

What an interrupted or incomplete backup of ours left bears a mark that the ledger wrote down before it began.
"""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS: tuple[str, ...] = ()
TITLE = ("Snapshot sesuai buku besar", "Snapshots are those of the ledger")


def differences(found: Found) -> Iterator[Difference]:
    there = {snapshot.id for snapshot in found.snapshots}
    known = {entry[key] for entry in found.history for key in ("snapshot", "manifest_snapshot")}
    if found.entry["snapshot"] not in there:
        yield Difference(
            "missing", found.entry["snapshot"][:12], "the ledger's newest snapshot is not in the repository"
        )
    for snapshot in found.snapshots:
        if snapshot.id not in known and not set(snapshot.tags) & set(found.unfinished):
            yield Difference(
                "foreign", snapshot.id[:12], f"taken {snapshot.time} on {snapshot.host}, not by this station"
            )
