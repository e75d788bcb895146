"""Nothing lay in the repository that had to be left out of the drill's private copy of it."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS: tuple[str, ...] = ()
TITLE = ("Tidak ada berkas asing di repositori", "No foreign or broken file in the repository")


def differences(found: Found) -> Iterator[Difference]:
    for fault, what in found.left_out:
        yield Difference(fault, what)
