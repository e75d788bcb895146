"""Prove declared services: restored, started in isolation from what was restored, and asked; each with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from backup import drill, evidence, places, service, service_drill, service_evidence, steps
from backup.evidence import Evidence
from backup.service import Kind, ServiceDrill, ServiceItem
from backup.service_drill import Names
from ops.errors import DrillFailedError, one_line
from ops.jobs.drill import check, version
from ops.progress import Event, Progress, State, silent
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Keep, Scope, Verdict, at_once, job
from ops.world import World


def scope(world: World, args: Args) -> Scope:
    server = world.region.recovery.drills.server
    opds = tuple(sorted({item.opd.code for item in chosen(world, args, Kind.SERVICE)}))
    return Scope(opds, (server,), (f"host:{server}",))


@job(
    "drill-service",
    "prove declared services by starting and asking them",
    scope=scope,
    takes=("opd", "service"),
    timeout=24 * HOURS,
    priority=6,
)
def DRILL_SERVICE(run: Inside) -> Verdict:
    run.world.need_servers()
    desk = Desk(run.world, run.progress, run.step)
    return concluded(run, desk.drilled(chosen(run.world, run.args, Kind.SERVICE), _isolated))


def chosen(world: World, args: Args, kind: Kind) -> list[ServiceItem]:
    """The services that a run concerns. UsageError names one that does not exist."""
    return service.items(world.region, kind, tuple(args.get("opd") or ()), tuple(args.get("service") or ()))


def concluded(run: Inside, done: Sequence[dict[str, Any]]) -> Verdict:
    for one in done:
        run.subject("opd", one["opd"], "ok" if one["proven"] else "failed", one["why"])
    failed = [f"{one['opd']}.{one['service']}" for one in done if not one["proven"]]
    return Verdict({"services": list(done)}, DrillFailedError(f"not proven: {', '.join(failed)}") if failed else None)


@dataclass(frozen=True)
class Asked:
    """One service that is to be drilled."""

    desk: Desk
    spots: places.Places
    item: ServiceItem
    names: Names


@dataclass(frozen=True)
class Desk:
    """What drills of services share. `keep` makes the checkpoints."""

    world: World
    progress: Progress = silent
    keep: Keep = at_once

    def drilled(self, items: Sequence[ServiceItem], way: Callable[[Asked], ServiceDrill]) -> list[dict[str, Any]]:
        """One after the other. Not proven is a result, not an error."""
        spots = places.of(self.world)
        check(self.world)
        # the names first: what a drill of this very run has left is not abandoned, it goes on
        told = self.keep("names", lambda: {item.key: Names.fresh(spots, item).told() for item in items})
        names = {key: Names.of(one) for key, one in told.items()}
        going_on = {name for one in names.values() for name in one.ids}
        drill.clean_abandoned(spots, places.on(self.world), self.progress, going_on)
        return [self._one(Asked(self, spots, item, names[item.key]), way) for item in items]

    def _one(self, asked: Asked, way: Callable[[Asked], ServiceDrill]) -> dict[str, Any]:
        item = asked.item
        self.progress(Event("drill", item.key, State.RUNNING, f"on {asked.spots.drill_server}"))
        found = self.keep(f"drill {item.key}", lambda: self._written(asked, way(asked)))
        for name in asked.names.ids:
            steps.forget(asked.spots, name)
        text = f"RTO {evidence.span(found['rto'])}, RPO {evidence.span(found['rpo'])}"
        state = State.OK if found["proven"] else State.FAILED
        self.progress(Event("drill", item.key, state, text if found["proven"] else found["why"]))
        return found

    def _written(self, asked: Asked, seen: ServiceDrill) -> dict[str, Any]:
        """The evidence of its sets, then its own."""
        spots, scrub = asked.spots, self.world.secrets.scrub
        sets, keep = {}, service_drill.within(seen.item, self.keep)
        for one in seen.sets:
            one.failure = scrub(one.failure)
            one.versions["kominfo-ops"] = version()
            told = keep(f"drill {one.item.key}: evidence", lambda one=one: evidence.write(spots, one).told())  # type: ignore[misc]
            sets[one.item.key] = Evidence.of(told)
        seen.failure = scrub(seen.failure)
        name = f"drill {seen.item.key}: evidence"
        kept = self.keep(name, lambda: service_evidence.write(spots, seen, sets).told())
        return {**_figures(seen), **kept}


def _figures(seen: ServiceDrill) -> dict[str, Any]:
    """What a person is told of a drill. Spans in seconds, None when it did not come that far."""
    verdict = service.judge(seen)
    return {
        "opd": seen.item.opd.code,
        "service": seen.item.service.name,
        "kind": str(seen.item.kind),
        "proven": seen.proven,
        "class": str(verdict.fault),
        "rto": seen.rto,
        "rto_target": seen.item.service.rto,
        "rpo": seen.rpo,
        "rpo_target": seen.item.rpo,
        "rpo_basis": seen.point.basis if seen.point else "",
        "probes": [{"asked": service.told(one["probe"]), "wrong": one["wrong"]} for one in seen.probes],
        "differences": sum(one.differences for one in seen.sets),
        "why": "" if seen.proven else one_line(seen.failure or (verdict.proof[0].what if verdict.proof else "")),
    }


def _isolated(asked: Asked) -> ServiceDrill:
    desk, spots = asked.desk, asked.spots
    seen, book = service_drill.opened(spots, asked.item, asked.names, desk.keep)
    case = service_drill.Case(
        spots,
        seen,
        book,
        asked.names,
        places.on(desk.world)(spots.drill_server),
        host_name(desk.world, asked.item),
        desk.progress,
        desk.keep,
    )
    return service_drill.run(case, service_drill.nothing, service_drill.isolated, service_drill.nothing)


def host_name(world: World, item: ServiceItem) -> str:
    """The name that people use."""
    return f"{item.service.web}.{world.region.domain}"
