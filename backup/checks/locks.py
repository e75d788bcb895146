"""No lock of a process that died lies on the repository, and nothing among the locks that is none."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS: tuple[str, ...] = ()
TITLE = ("Tidak ada kunci kerja yang basi", "No stale lock")


def differences(found: Found) -> Iterator[Difference]:
    for fault, what in found.locks:
        yield Difference(fault, what)
