"""A database that is one file came back to the byte, and SQLite finds every page and index of it in order."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS = ("sqlite",)
TITLE = ("Berkas basis data utuh", "The database file is whole")


def differences(found: Found) -> Iterator[Difference]:
    wanted, there = found.manifest.content, found.restored
    for said in there["integrity"]:
        if said != "ok":
            yield Difference("broken", "database", said)
    if there["sha256"] != wanted["sha256"]:
        yield Difference("differs", "database", f"sha256 {there['sha256']}, was {wanted['sha256']}")
    if there["orphans"] != wanted["orphans"]:
        what = f"{there['orphans']} rows point to rows that are not there, was {wanted['orphans']}"
        yield Difference("differs", "database", what)
