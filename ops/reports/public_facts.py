"""What the public is told, and nothing else. Pure.

Only the fields of the types below leave the house: every page, CSV and JSON file is made of them alone. No name of a
machine, device, link, segment, provider or person stands in any of them, and no address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ops.inventory.model import Opd, Region
from ops.reports.outages import Cause
from ops.reports.period import last_days
from ops.reports.public_days import History
from ops.reports.spans import Span, common, minus, total, union
from ops.reports.windows import spans

DAYS = 90
LEAST_SECONDS = 300.0  # a shorter interruption is no incident
CALLS_HOLD = 36 * 3600.0  # a test call speaks for the telephones so long

State = Literal["ok", "partial", "down", "maintenance", "unknown"]


@dataclass(frozen=True, slots=True)
class Service:
    """`working` of `known`: offices or lines that were measured; `all`: of those that there are."""

    service: Literal["offices", "telephones", "internet"]
    state: State
    working: int
    known: int
    all: int


@dataclass(frozen=True, slots=True)
class Office:
    """`availability`: percent of the counted time of the last 90 days; `measured`: percent of it that was measured."""

    office: str
    kecamatan: str
    state: State
    availability: float | None
    measured: float


@dataclass(frozen=True, slots=True)
class Incident:
    """Times as ISO 8601 in the region's zone; `end` is "" while it goes on."""

    office: str
    begin: str
    end: str
    minutes: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Public:
    """`made`: Unix seconds."""

    region: str
    timezone: str
    made: float
    services: tuple[Service, ...]
    offices: tuple[Office, ...]
    incidents: tuple[Incident, ...]


def public(region: Region, history: History, calls: Iterable[Mapping[str, Any]], upstreams: Sequence[float]) -> Public:
    """`history`: of the last DAYS days until `history.now`; `calls`: last test calls; `upstreams`: 1 or 0 of each."""
    named = [opd for opd in region.opds if opd.links]
    offices = tuple(_office(opd, region, history) for opd in named)
    zone = ZoneInfo(region.timezone)
    found = [one for opd in named for one in _incidents(opd, history, zone)]
    return Public(
        region.name,
        region.timezone,
        history.now,
        (_network(offices), _telephones(calls, history.now), _internet(region, upstreams)),
        tuple(sorted(offices, key=lambda one: one.office)),
        tuple(sorted(found, key=lambda one: one.begin, reverse=True)),
    )


def _office(opd: Opd, region: Region, history: History) -> Office:
    period = last_days(DAYS, region.timezone, history.now)
    planned = spans(opd.maintenance, period)
    whole = minus([(period.begin, period.end)], planned)
    up, down = common(history.up(opd.code), whole), common(history.down(opd.code), whole)
    counted = total(union([*up, *down]))
    availability = round(100 * (1 - total(down) / counted), 3) if counted else None
    return Office(
        opd.name, opd.kecamatan, _now(opd, history, planned), availability, round(100 * counted / total(whole), 1)
    )


def _now(opd: Opd, history: History, planned: Sequence[Span]) -> State:
    """By the stretches that reach to now: a reading holds for ten minutes, so older ones say nothing."""
    just = [(history.now - 1.0, history.now)]
    if common(history.up(opd.code), just):
        return "ok"
    if not common(history.down(opd.code), just):
        return "unknown"
    return "maintenance" if common(planned, just) else "down"


def _incidents(opd: Opd, history: History, zone: ZoneInfo) -> Iterable[Incident]:
    for begin, end, cause in history.outages(opd.code):
        if end - begin >= LEAST_SECONDS:
            ended = "" if end >= history.now else _iso(end, zone)
            yield Incident(opd.name, _iso(begin, zone), ended, round((end - begin) / 60), cause)


def _network(offices: Sequence[Office]) -> Service:
    states = [one.state for one in offices]
    return _service("offices", states.count("ok"), len(states) - states.count("unknown"), len(states))


def _telephones(calls: Iterable[Mapping[str, Any]], now: float) -> Service:
    fresh = [bool(one["ok"]) for one in calls if 0 <= now - float(one["at"]) < CALLS_HOLD]
    return _service("telephones", sum(fresh), len(fresh), len(fresh))


def _internet(region: Region, upstreams: Sequence[float]) -> Service:
    return _service("internet", sum(one == 1 for one in upstreams), len(upstreams), len(region.upstreams))


def _service(name: Literal["offices", "telephones", "internet"], working: int, known: int, there: int) -> Service:
    """Working only when all that there are were measured and work."""
    state: State = "down"
    if known == 0:
        state = "unknown"
    elif working == known:
        state = "ok" if known == there else "unknown"
    elif working:
        state = "partial"
    return Service(name, state, working, known, there)


def _iso(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).isoformat(timespec="minutes")
