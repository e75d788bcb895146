"""What a month's reports are made of: the records that the station keeps, and which of them lie in the month."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from backup import places
from backup.chain import Chain
from ops.errors import OpsError, UsageError
from ops.world import World


@dataclass(frozen=True)
class Month:
    """A calendar month of the region, `begin` ≤ t < `end`; `now` when it is looked at."""

    name: str
    begin: float
    end: float
    now: float
    zone: ZoneInfo

    @property
    def over(self) -> bool:
        return self.now >= self.end

    @property
    def seen_until(self) -> float:
        return min(self.end, self.now)

    @property
    def last_day(self) -> str:
        """The last day that was seen, as 2026-09-30."""
        return datetime.fromtimestamp(self.seen_until - 1, self.zone).date().isoformat()

    def holds(self, at: float) -> bool:
        return self.begin <= at < self.end


@dataclass(frozen=True)
class Records:
    """All that was written down, of all offices and months. `broken`: what cannot be believed, and why."""

    ledger: Sequence[Mapping[str, Any]]
    drills: Sequence[Mapping[str, Any]]
    calls: Sequence[Mapping[str, Any]]
    drifts: Sequence[Mapping[str, Any]]
    broken: Mapping[str, str]


def month_of(name: str, timezone: str, now: float) -> Month:
    """The month `2026-09`. UsageError for another form, and for one that has not begun."""
    zone = ZoneInfo(timezone)
    try:
        begin = datetime.strptime(name, "%Y-%m").replace(tzinfo=zone)
    except ValueError:
        raise UsageError(f"{name!r} is not a month", "write it as 2026-09") from None
    end = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    if begin.timestamp() > now:
        raise UsageError(f"{name} has not begun yet")
    return Month(f"{begin:%Y-%m}", begin.timestamp(), end.timestamp(), now, zone)


def records(world: World, drifts: Iterable[Mapping[str, Any]]) -> Records:
    """Read what this station kept. A chain that is broken is told, and nothing of it is believed."""
    broken: dict[str, str] = {}
    spots = places.of(world)
    ledger = _chain(spots.ledger, "ledger", broken)
    index = _chain(Chain(spots.evidence / "index.jsonl"), "drills", broken)
    drills = [made for line in index if (made := _evidence(spots.evidence, line, broken))]
    calls = [_json(path) for path in sorted((world.state / "calls").glob("[!.]*.json"))]
    return Records(
        [line for line in ledger if line["event"] == "backup"],
        drills,
        [one for one in calls if one],
        sorted(drifts, key=lambda one: float(one["at"])),
        broken,
    )


def _chain(chain: Chain, name: str, broken: dict[str, str]) -> list[dict[str, Any]]:
    try:
        return chain.read()
    except OpsError as error:
        broken[name] = error.what
        return []


def _evidence(folder: Path, line: Mapping[str, Any], broken: dict[str, str]) -> dict[str, Any]:
    """The record that a line of the chain speaks of; nothing when it is not that record any more."""
    path = folder / str(line["file"])
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != line["sha256"]:
        broken["drills"] = f"{path.name}: missing, or changed since it was written"
        return {}
    made: dict[str, Any] = json.loads(content)
    return made


def _json(path: Path) -> dict[str, Any]:
    """A test call's result; nothing when it is half written or of another form."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) and {"at", "from_opd", "to_opd", "ok", "faults"} <= found.keys() else {}
