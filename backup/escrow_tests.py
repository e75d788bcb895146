"""What the ledger says of the escrow's own drills: somebody must open a repository with shares alone twice a year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DAYS = 190  # twice a year, with a week's patience


@dataclass(frozen=True, slots=True)
class OwnDrills:
    """Of the escrow in use. Epoch seconds, None where there was none. `of`: the set that the green one opened."""

    made: float | None = None
    newest: float | None = None
    failure: str = ""  # of the newest
    green: float | None = None
    of: str = ""
    shares: int = 0


def of(ledger: Sequence[Mapping[str, Any]]) -> OwnDrills:
    """Tests of an earlier escrow count no more: other people hold other sheets by now."""
    made = [number for number, line in enumerate(ledger) if line["event"] == "escrow"]
    if not made:
        return OwnDrills()
    done = [line for line in ledger[made[-1] :] if line["event"] == "escrow-test"]
    green = next((line for line in reversed(done) if not line["failure"]), None)
    return OwnDrills(
        float(ledger[made[-1]]["at"]),
        float(done[-1]["at"]) if done else None,
        str(done[-1]["failure"]) if done else "",
        float(green["at"]) if green else None,
        str(green["of"]) if green else "",
        len(green["shares"]) if green else 0,
    )
