"""From declared to verified it took no longer than the office agreed to wait."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS: tuple[str, ...] = ()
TITLE = ("Waktu pemulihan (RTO) tercapai", "Recovery time objective (RTO) met")


def differences(found: Found) -> Iterator[Difference]:
    took = found.verified - found.declared
    if took > found.rto:
        yield Difference("late", "RTO", f"it took {took:.0f} s, {found.rto:.0f} s agreed")
