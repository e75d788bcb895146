"""What a drill of a whole service saw, and how it is judged. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from backup.checks.contract import Point
from backup.drilled import Drill
from backup.journal import Step
from backup.layout import Item
from backup.verify import of_drill, verdict
from backup.verify.verdict import Fault, Finding, Verdict
from ops.errors import HostFailedError, OpsError, UsageError
from ops.inventory.model import Opd, Region, Service


class Kind(StrEnum):
    """How far a drill goes: on its own without any network, or on a standby that people could be sent to."""

    SERVICE = "service"
    FAILOVER = "failover"


@dataclass(frozen=True, slots=True)
class ServiceItem:
    """One service together with its office. `sets`: the web root's first."""

    opd: Opd
    service: Service
    kind: Kind
    sets: tuple[Item, ...]

    @property
    def name(self) -> str:
        return f"{self.opd.code}.{self.service.name}"

    @property
    def key(self) -> str:
        """As its drills, steps and records are called: never as a set is."""
        return f"{self.kind}.{self.name}"

    @property
    def rpo(self) -> float:
        """Seconds: what was agreed for the strictest of its sets."""
        return min(item.set.rpo for item in self.sets)


def items(region: Region, kind: Kind, opds: Sequence[str] = (), names: Sequence[str] = ()) -> list[ServiceItem]:
    """Services asked for (all by default), sorted. UsageError names what does not exist, or that none is declared."""
    found = [_item(opd, one, kind) for opd in region.opds for one in opd.services]
    known = {item.name for item in found} | {item.service.name for item in found}
    for what, asked, there in (
        ("office with a service", opds, {one.opd.code for one in found}),
        ("service", names, known),
    ):
        if missing := sorted(set(asked) - there):
            raise UsageError(f"there is no {what} named {', '.join(missing)}", f"known: {', '.join(sorted(there))}")
    if not found:
        raise UsageError("no service is declared", "services: in an office's file (docs/drills-and-evidence.md)")
    wanted = (one for one in found if not names or one.name in names or one.service.name in names)
    return sorted((one for one in wanted if not opds or one.opd.code in opds), key=lambda one: one.name)


def _item(opd: Opd, service: Service, kind: Kind) -> ServiceItem:
    sets = {one.name: one for one in opd.backup}
    names = [service.files, *([service.database] if service.database else [])]
    return ServiceItem(opd, service, kind, tuple(Item(opd, sets[name]) for name in names))


@dataclass
class ServiceDrill:
    """All that one drill of a service saw. Times are epoch seconds; `green` is when the last probe held, 0 if never."""

    id: str
    item: ServiceItem
    declared: float
    steps: list[Step]
    sets: list[Drill] = field(default_factory=list)
    probes: list[dict[str, Any]] = field(default_factory=list)  # probe, answer, wrong
    green: float = 0.0
    asked: float = 0.0  # when it was asked last
    point: Point | None = None
    view: dict[str, Any] = field(default_factory=dict)  # failover: what name servers said, before, switched, after
    astray: list[str] = field(default_factory=list)  # failover: what was not as it should be
    resumed: int = 0
    failure: str = ""
    error: OpsError | None = None
    cleaned: bool = False

    @property
    def rto(self) -> float | None:
        """Seconds from declared to green."""
        return self.green - self.declared if self.green else None

    @property
    def rpo(self) -> float | None:
        return self.declared - self.point.epoch if self.point else None

    @property
    def findings(self) -> list[Finding]:
        return [*_of_sets(self.sets), *_stopped(self), *_asked(self)]

    @property
    def proven(self) -> bool:
        whole = len(self.sets) == len(self.item.sets) and all(one.proven for one in self.sets)
        return whole and self.cleaned and bool(self.green) and not self.findings


def judge(drill: ServiceDrill) -> Verdict:
    return verdict.judge(drill.findings, proven=drill.proven)


def _of_sets(sets: Sequence[Drill]) -> Iterator[Finding]:
    for one in sets:
        for found in of_drill.judge(one).proof if not one.proven else ():
            yield Finding(found.fault, f"{one.item.key}: {found.what}")


def _stopped(drill: ServiceDrill) -> Iterator[Finding]:
    if drill.failure:
        network = isinstance(drill.error, HostFailedError) and not drill.failure.startswith(("start", "probe"))
        yield Finding(Fault.NETWORK if network else Fault.INCOMPLETE, drill.failure)
    for one in drill.astray:
        yield Finding(Fault.INCOMPLETE, one)


def _asked(drill: ServiceDrill) -> Iterator[Finding]:
    """Too late is `rto`, whatever was answered then; not as declared although there was time is `incomplete`."""
    target = drill.item.service.rto
    if drill.asked and (drill.green or drill.asked) - drill.declared > target:
        took = (drill.green or drill.asked) - drill.declared
        yield Finding(
            Fault.RTO, f"{'it took' if drill.green else 'no right answer in'} {took:.0f} s, {target:.0f} s agreed"
        )
    elif drill.asked and not drill.green:
        for one in drill.probes:
            if one["wrong"]:
                yield Finding(Fault.INCOMPLETE, f"probe {told(one['probe'])}: {one['wrong']}")
    if drill.rpo is not None and drill.rpo > drill.item.rpo:
        yield Finding(Fault.RPO, f"{drill.rpo:.0f} s of work would be lost, {drill.item.rpo:.0f} s agreed")


def told(probe: Mapping[str, Any]) -> str:
    """A probe in one line."""
    return str(probe.get("path") or probe.get("sql"))
