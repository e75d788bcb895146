"""The last nightly scan of the vault found every file of the repository as it was written."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS: tuple[str, ...] = ()
TITLE = ("Pemindaian malam tanpa temuan", "The nightly scan found nothing")


def differences(found: Found) -> Iterator[Difference]:
    for fault, what in found.scanned:
        yield Difference(fault, what)
