"""Columns, indexes, constraints, views, functions, triggers, sequences, policies, owners, rights: as they were."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS = ("postgresql", "postgresql-physical", "mariadb", "mariadb-physical", "sqlite")
TITLE = ("Struktur basis data sama", "Same structure of the database")


def differences(found: Found) -> Iterator[Difference]:
    wanted, there = found.manifest.content["objects"], found.restored["objects"]
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            yield Difference("missing", name)
        elif name not in wanted:
            yield Difference("extra", name)
        elif not _same(name, there[name], wanted[name]):
            yield Difference("differs", name, f"{there[name][:200]}, was {wanted[name][:200]}")


def _same(name: str, there: str, wanted: str) -> bool:
    """A sequence knows no snapshot and goes on while the dump is made: it may stand further, never behind."""
    if name.startswith("sequence ") and there != "unused":
        return wanted == "unused" or int(there) >= int(wanted)
    return there == wanted
