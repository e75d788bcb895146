"""A backup runs often enough for its RPO; RPO and RTO are between minutes and a month."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import BackupSet, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import backups

_HOUR, _DAY = 3600, 86_400
EVERY = {"hourly": _HOUR, "daily": _DAY, "weekly": 7 * _DAY}
_LEAST, _MOST = 60, 31 * _DAY


def check(region: Region) -> Iterable[Finding]:
    for _, kept in backups(region):
        yield from _one(kept)


def _one(kept: BackupSet) -> Iterable[Finding]:
    every = EVERY.get(kept.schedule)
    if every is None:
        hint = nearest_or_all(kept.schedule, EVERY, "schedule")
        yield Finding(kept, "schedule", f"{kept.schedule} is no schedule for backups", hint)
    elif kept.rpo < every:
        what = f"losing {_span(kept.rpo)} at most needs a backup more often than {kept.schedule}"
        enough = [word for word, seconds in EVERY.items() if seconds <= kept.rpo]
        yield Finding(kept, "rpo", what, f"set schedule: {enough[-1]}" if enough else "hourly is the most often")
    for key in ("rpo", "rto"):
        seconds = getattr(kept, key)
        if not _LEAST <= seconds <= _MOST:
            yield Finding(kept, key, f"{_span(seconds)} is no {key.upper()}", "write it between 1m and 31d, as 4h")


def _span(seconds: float) -> str:
    if seconds % _DAY == 0:
        return f"{seconds / _DAY:g} d"
    return f"{seconds / _HOUR:g} h" if seconds >= _HOUR else f"{seconds:g} s"
