"""What would be lost is no more than the office agreed to lose."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS: tuple[str, ...] = ()
TITLE = ("Titik pemulihan (RPO) tercapai", "Recovery point objective (RPO) met")


def differences(found: Found) -> Iterator[Difference]:
    lost = found.declared - found.point.epoch
    if lost > found.rpo:
        yield Difference("late", "RPO", f"{lost:.0f} s would be lost, {found.rpo:.0f} s agreed ({found.point.basis})")
    if lost < 0:
        yield Difference("future", "RPO", f"the data speaks of the future ({found.point.basis})")
