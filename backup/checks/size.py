"""A backup that suddenly holds less than half of what it used to is not trusted (emptied, excluded, unmounted)."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from backup.checks.contract import Difference, Found
from backup.verify import choose

KINDS: tuple[str, ...] = ()
TITLE = ("Ukuran wajar dibanding sebelumnya", "Size in line with earlier backups")
SHARE = 0.5
EARLIER = 5  # backups that make the median


def differences(found: Found) -> Iterator[Difference]:
    now = found.entry["bytes"]
    if now <= 0:
        yield Difference("empty", "backup", "it holds no bytes")
    before = [entry["bytes"] for entry in found.history if entry["snapshot"] != found.entry["snapshot"]][-EARLIER:]
    if _drowned(found):
        yield Difference("flood", "backup", f"{choose.FLOOD} backups within a day hold next to nothing of what did")
    if before and now < SHARE * statistics.median(before):
        yield Difference(
            "shrunk", "backup", f"{now} bytes; the median of {len(before)} before is {statistics.median(before):.0f}"
        )


def _drowned(found: Found) -> bool:
    """Whether somebody who holds the source host lets it back up next to nothing, again and again."""
    since = found.entry["taken"] - choose.FLOOD_TIME
    usual = [entry["bytes"] for entry in found.history if entry["taken"] <= since][-EARLIER:]
    small = [one for one in found.history if usual and one["bytes"] < choose.NEAR_EMPTY * statistics.median(usual)]
    return choose.flood([one["taken"] for one in small if one["taken"] > since], choose.FLOOD, choose.FLOOD_TIME)
