"""How fast this set restores, against the green drills before: a vault that gets slower is told in time."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backup import recorded
from backup.drilled import Drill

BEFORE = 5  # green drills whose median is the usual speed
ALARM = 0.7  # share of the usual speed below which it is told


def restore(drill: Drill) -> dict[str, Any]:
    """{seconds, bytes, bytes_per_second} of restic's restore alone; empty when it did not come that far."""
    if not drill.restore_seconds:
        return {}
    size = int(drill.entry["bytes"])
    return {
        "seconds": drill.restore_seconds,
        "bytes": size,
        "bytes_per_second": round(size / drill.restore_seconds, 1),
    }


def before(folder: Path, lines: Sequence[Mapping[str, Any]], key: str) -> tuple[list[float], list[str]]:
    """(speeds of a set's green drills, newest first; names of records among them that were changed or are gone).

    A lost record is a matter for whoever verifies the chain: it must not stop the drills that come after it.
    """
    speeds: list[float] = []
    lost: list[str] = []
    for line in reversed(lines):
        if len(speeds) == BEFORE:
            break
        if line.get("verdict") == "proven" and recorded.key_of(line) == key:
            told = recorded.read(folder, line)
            if told is None:
                lost.append(str(line["file"]))
            elif speed := told.get("restore", {}).get("bytes_per_second"):
                speeds.append(float(speed))
    return speeds, lost


def trend(speeds: Sequence[float], drill: Drill) -> dict[str, Any]:
    """{usual, ratio, alarm, of}: bytes per second, and of how many drills. Empty without one before, or a speed now."""
    now = restore(drill).get("bytes_per_second")
    if not now or not speeds:
        return {}
    usual = statistics.median(speeds)
    ratio = round(now / usual, 3)
    return {"usual": usual, "ratio": ratio, "alarm": ratio < ALARM, "of": len(speeds)}
