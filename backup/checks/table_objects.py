"""Columns, indexes, constraints, views, functions, triggers, sequences and owners are as they were."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS = ("postgresql",)
TITLE = ("Struktur basis data sama", "Same structure of the database")


def differences(found: Found) -> Iterator[Difference]:
    wanted, there = found.manifest.content["objects"], found.restored["objects"]
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            yield Difference("missing", name)
        elif name not in wanted:
            yield Difference("extra", name)
        elif wanted[name] != there[name]:
            yield Difference("differs", name, f"{there[name][:200]}, was {wanted[name][:200]}")
