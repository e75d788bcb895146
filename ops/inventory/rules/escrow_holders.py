"""An escrow has more holders than a backup needs to be opened, all different: one may be ill, none counts twice."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region

_MOST = 16  # SLIP-39 has no more shares in a group


def check(region: Region) -> Iterable[Finding]:
    escrow = region.recovery.escrow
    if escrow is None:
        return
    seen: set[str] = set()
    for number, holder in enumerate(escrow.holders):
        if holder in seen:
            yield Finding(escrow, f"holders.{number}", f"{holder} holds two shares", "every share has another holder")
        seen.add(holder)
    if not escrow.threshold < len(escrow.holders) <= _MOST:
        what = f"{escrow.threshold} of {len(escrow.holders)} shares"
        yield Finding(escrow, "threshold", what, "name more holders than are needed, 3 of 5 for example; 16 at most")
