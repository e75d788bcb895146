"""What an overview is made from: what each source told last, when, and why it tells nothing now. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from ops.overview.model import CallView, DrillView, RunView, Source
from ops.overview.readings import Port, Rate, Readings
from ops.overview.state import State
from ops.texts import mark

T = TypeVar("T")

FRESH = 20.0  # seconds after which what routers told is stale: they are asked every 2
FRESH_OWN = 60.0  # of what is judged from many readings, and of alerts: asked every 5, judged every 10

ROUTERS, EXPORTER, ALERTMANAGER = mark("routers"), mark("exporter"), mark("Alertmanager")
LEDGER, EVIDENCE, CALLS = mark("backup ledger"), mark("drill evidence"), mark("test calls")
SWEEPS, JOBS = mark("drift sweeps"), mark("job database")
NEVER = mark("not read yet")


@dataclass(frozen=True)
class Told(Generic[T]):
    """`value`: the last good one, None before the first · `at`: when · `why`: what is wrong now, "" when nothing."""

    value: T | None = None
    at: float | None = None
    why: str = NEVER

    def source(self, name: str, now: float, fresh: float = FRESH_OWN) -> Source:
        if self.at is None:
            return Source(name, None, State.UNKNOWN, self.why)
        if now - self.at > fresh:
            return Source(name, self.at, State.STALE, self.why)
        return Source(name, self.at, State.WARN if self.why else State.OK, self.why)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that Alertmanager holds. `since`: when it began."""

    name: str
    severity: str
    labels: Mapping[str, str]
    summary: str
    since: float


@dataclass(frozen=True, slots=True)
class Drifted:
    """What the last sweep of a host found; `unknown` when it or a part of it could not be looked at."""

    at: float
    unknown: bool
    by_scope: Mapping[str, int]


@dataclass(frozen=True)
class Facts:
    """Everything that was read. `rates`: use of ports · `since`: when a problem was seen first, by its name.

    backups: `<opd>.<set>` → when the newest was taken · drills and calls: newest first · drift: by host
    """

    now: float
    ports: Told[Readings] = field(default_factory=Told)
    own: Told[Readings] = field(default_factory=Told)
    rates: Mapping[Port, Rate] = field(default_factory=dict)
    backups: Told[Mapping[str, float]] = field(default_factory=Told)
    drills: Told[tuple[DrillView, ...]] = field(default_factory=Told)
    calls: Told[tuple[CallView, ...]] = field(default_factory=Told)
    drift: Told[Mapping[str, Drifted]] = field(default_factory=Told)
    alerts: Told[tuple[Alert, ...]] = field(default_factory=Told)
    runs: Told[tuple[RunView, ...]] = field(default_factory=Told)
    since: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def newest_drill(self) -> dict[tuple[str, str], DrillView]:
        """By office and set."""
        return {(one.opd, one.service): one for one in reversed(self.drills.value or ())}

    @cached_property
    def greens(self) -> dict[str, float]:
        """`<opd>.<set>` → when the newest drill that proved it was declared."""
        return {f"{one.opd}.{one.service}": one.at for one in reversed(self.drills.value or ()) if one.proven}

    @cached_property
    def newest_call(self) -> dict[str, CallView]:
        """By office that took part."""
        return {opd: one for one in reversed(self.calls.value or ()) for opd in (one.from_opd, one.to_opd)}

    def sources(self) -> tuple[Source, ...]:
        """Every source with its age."""
        named: tuple[tuple[Told[Any], str, float], ...] = (
            (self.ports, ROUTERS, FRESH),
            (self.own, EXPORTER, FRESH_OWN),
            (self.alerts, ALERTMANAGER, FRESH_OWN),
            (self.backups, LEDGER, FRESH_OWN),
            (self.drills, EVIDENCE, FRESH_OWN),
            (self.calls, CALLS, FRESH_OWN),
            (self.drift, SWEEPS, FRESH_OWN),
            (self.runs, JOBS, FRESH_OWN),
        )
        return tuple(told.source(name, self.now, fresh) for told, name, fresh in named)
