"""Coverage: services with a backup that counts AND a green drill, of all services declared; the rest by name.

A service is a backup set, a signed waiver, or an office that has declared neither. `coverage` is pure; `of` reads the
ledger and the chain of evidence of a world.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from backup.chain import Chain
from backup.layout import Item, items
from backup.places import Places
from ops.inventory.model import NoBackup, Opd, Region

DRILL_DAYS = 90  # a green drill older than this proves nothing any more
FAILOVER_DAYS = 365  # so long a green failover drill of a service counts
_DAY = 86_400.0
_STAMP = "%Y%m%dT%H%M%S"  # of a drill's id, UTC
_STAMP_LENGTH = 15


class State(StrEnum):
    """What a service has. Only PROVEN counts."""

    PROVEN = "proven"
    NO_DRILL = "no-drill"  # backed up within its RPO, and never (or too long ago) proven
    LATE = "late"  # older than its RPO, or taken in the future
    NEVER = "never"
    WAIVED = "waived"
    EXPIRED = "waiver-expired"
    UNDECLARED = "undeclared"


@dataclass(frozen=True, slots=True)
class Service:
    """One declared service. Ages in seconds, None when there is none; `at`: file:line of what declares it."""

    name: str
    opd: str
    state: State
    why: str
    at: str
    backup_age: float | None = None
    drill_age: float | None = None

    @property
    def counts(self) -> bool:
        return self.state is State.PROVEN


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every declared service, sorted by name."""

    services: tuple[Service, ...]

    @property
    def declared(self) -> int:
        return len(self.services)

    @property
    def proven(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.services if one.counts)

    @property
    def rest(self) -> dict[str, str]:
        """name → why it does not count."""
        return {one.name: one.why for one in self.services if not one.counts}

    @property
    def share(self) -> float:
        """0 to 1; 0 where nothing is declared."""
        return len(self.proven) / self.declared if self.declared else 0.0

    @property
    def expired(self) -> tuple[Service, ...]:
        """Decisions that have run out: nobody answers for these services any more."""
        return tuple(one for one in self.services if one.state is State.EXPIRED)

    @property
    def line(self) -> str:
        """The first figure everywhere."""
        return (
            f"{len(self.proven)} of {self.declared} services have a backup and a green drill of the last "
            f"{DRILL_DAYS} days"
        )


def coverage(region: Region, ages: Mapping[str, float], drills: Mapping[str, float], now: float) -> Coverage:
    """Pure. `ages`: set → when its newest counted backup was taken; `drills`: set → newest green drill; epoch seconds.

    `now`: epoch seconds. A day that a waiver names belongs to it, by the region's clock.
    """
    today = datetime.fromtimestamp(now, ZoneInfo(region.timezone)).date()
    found = [_set(item, ages.get(item.key), drills.get(item.key), now) for item in items(region)]
    for opd in region.opds:
        found.extend(_without(opd, today))
    return Coverage(tuple(sorted(found, key=lambda one: one.name)))


def of(spots: Places, region: Region, now: float | None = None) -> Coverage:
    """Coverage as ledger and evidence say. OpsError where either was tampered with."""
    ages = {line["of"]: float(line["taken"]) for line in spots.ledger.read() if line["event"] == "backup"}
    return coverage(region, ages, greens(spots.evidence), time.time() if now is None else now)


def greens(evidence: Path) -> dict[str, float]:
    """Set → when its newest green drill was declared (epoch seconds), as the chain of records in that folder says."""
    found: dict[str, float] = {}
    for line in Chain(evidence / "index.jsonl").read():
        stamp, _, rest = str(line.get("file", "")).removesuffix(".json").partition("-")
        key = rest.rpartition("-")[0]
        if line.get("verdict") == "proven" and len(stamp) == _STAMP_LENGTH and key:
            found[key] = max(found.get(key, 0.0), float(calendar.timegm(time.strptime(stamp, _STAMP))))
    return found


def failed_over(region: Region, drills: Mapping[str, float], now: float) -> dict[tuple[str, str], bool]:
    """(service, office) → whether a failover drill of the last year proved it. `drills`: as `greens`."""
    found = {}
    for opd in region.opds:
        for one in opd.services:
            age = now - drills.get(f"failover.{opd.code}.{one.name}", float("-inf"))
            found[f"{opd.code}.{one.name}", opd.code] = 0 <= age <= FAILOVER_DAYS * _DAY
    return found


def _set(item: Item, taken: float | None, green: float | None, now: float) -> Service:
    age = None if taken is None else now - taken
    proof = None if green is None else now - green
    state, why = _judged(age, item.set.rpo, proof)
    return Service(item.key, item.opd.code, state, why, item.set.line, age, proof)


def _judged(age: float | None, rpo: float, proof: float | None) -> tuple[State, str]:
    if age is None:
        return State.NEVER, "it was never backed up"
    if age < 0:
        return State.LATE, "its newest backup was taken in the future"
    if age > rpo:
        return State.LATE, f"its newest backup is {age / 3600:.1f} h old, {rpo / 3600:.1f} h were agreed"
    if proof is None:
        return State.NO_DRILL, "no drill has proven it yet"
    if not 0 <= proof <= DRILL_DAYS * _DAY:
        return State.NO_DRILL, f"its newest green drill is {proof / _DAY:.0f} days old"
    return State.PROVEN, ""


def _without(opd: Opd, today: date) -> Iterator[Service]:
    """What an office has no backup of: by signed decision, or by saying nothing."""
    for waiver in opd.waivers:
        yield _waived(f"{opd.code}.{waiver.service}", opd, waiver, today)
    if opd.no_backup:
        yield _waived(opd.code, opd, opd.no_backup, today)
    elif not opd.backup and not opd.waivers:
        yield Service(opd.code, opd.code, State.UNDECLARED, "no backup set is declared", opd.line)


def _waived(name: str, opd: Opd, decided: NoBackup, today: date) -> Service:
    signed = f"no backup until {decided.until} because {decided.reason}, by {decided.signed_by}"
    if _until(decided) < today:
        return Service(name, opd.code, State.EXPIRED, f"the decision has run out: {signed}", decided.line)
    return Service(name, opd.code, State.WAIVED, signed, decided.line)


def _until(decided: NoBackup) -> date:
    """A date that cannot be read (a rule has refused it) has run out."""
    try:
        return date.fromisoformat(decided.until)
    except ValueError:
        return datetime.fromtimestamp(0, UTC).date()
