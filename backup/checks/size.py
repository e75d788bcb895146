"""A backup that suddenly holds less than half of what it used to is not trusted (emptied, excluded, unmounted)."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS: tuple[str, ...] = ()
TITLE = ("Ukuran wajar dibanding sebelumnya", "Size in line with earlier backups")
SHARE = 0.5
EARLIER = 5  # backups that make the median


def differences(found: Found) -> Iterator[Difference]:
    now = found.entry["bytes"]
    if now <= 0:
        yield Difference("empty", "backup", "it holds no bytes")
    before = [entry["bytes"] for entry in found.history if entry["snapshot"] != found.entry["snapshot"]][-EARLIER:]
    if before and now < SHARE * statistics.median(before):
        yield Difference(
            "shrunk", "backup", f"{now} bytes; the median of {len(before)} before is {statistics.median(before):.0f}"
        )
