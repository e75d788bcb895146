"""Prove declared sets by restoring them, one after the other, each with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backup import drill, evidence, places, production, second_copy, steps
from backup.layout import Item
from backup.places import COPY, VAULT
from backup.steps import Name
from backup.underway import listener
from backup.verify import of_drill
from ops.errors import DrillFailedError, RefusedError, UsageError, one_line
from ops.jobs.backup import chosen
from ops.progress import Event, Progress, State, silent
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Keep, Scope, Verdict, at_once, job
from ops.system import hostpython
from ops.world import World


@dataclass(frozen=True)
class DrillResult:
    """What one drill showed. Spans in seconds, None when it did not come that far; `why` it is not proven."""

    opd: str
    set: str
    kind: str
    proven: bool
    rto: float | None
    rto_target: float
    rpo: float | None
    rpo_target: float
    rpo_basis: str
    counts: dict[str, int]
    differences: int
    why: str
    record: Path
    page: Path
    sha256: str
    fault: str = ""  # its class; none when proven
    place: str = VAULT  # that it was restored from: the vault, or the second copy


def _scope(world: World, args: Args) -> Scope:
    """UsageError where it is to be restored from a place that there is not."""
    server = _server(world, str(args.get("from") or VAULT))
    return Scope(tuple(sorted({item.opd.code for item in chosen(world, args)})), (server,), (f"host:{server}",))


def _server(world: World, place: str) -> str:
    """The server that drills of this place restore on."""
    if place not in {VAULT, COPY}:
        raise UsageError(f"{place}: nothing can be restored from there", f"one of {VAULT}, {COPY}")
    return second_copy.server(world.region) if place == COPY else world.region.recovery.drills.server


@job(
    "drill",
    "prove declared sets by restoring them",
    scope=_scope,
    takes=("opd", "set", "from"),
    timeout=24 * HOURS,
    priority=6,
)
def DRILL(run: Inside) -> Verdict:
    place = str(run.args.get("from") or VAULT)
    done = run_sets(run.world, chosen(run.world, run.args), run.progress, run.step, place)
    for result in done:
        run.subject("opd", result.opd, "ok" if result.proven else "failed", result.why)
    failed = [f"{one.opd}.{one.set}" for one in done if not one.proven]
    red = [(f"{one.opd}.{one.set}", one.fault) for one in done if not one.proven]
    mend = second_copy.advice(run.world.region, red) if place == VAULT else ""
    error = DrillFailedError(f"not proven: {', '.join(failed)}", mend) if failed else None
    return Verdict({"sets": [_plain(one) for one in done]}, error)


def _plain(result: DrillResult) -> dict[str, Any]:
    return {**asdict(result), "record": str(result.record), "page": str(result.page)}


def run_sets(
    world: World, sets: Sequence[Item], progress: Progress = silent, keep: Keep = at_once, place: str = VAULT
) -> list[DrillResult]:
    """Drill the given sets on the declared drill server. Not proven is a result, not an error. `keep`: checkpoints.

    `place`: what is restored from; of the second copy on the server that keeps it.
    """
    spots = second_copy.of(world) if place == COPY else places.of(world)
    check(world, spots.drill_server)
    # the names first: what a drill of this very run has left is not abandoned, it goes on
    told = keep("names", lambda: {item.key: asdict(Name.fresh(spots, item)) for item in sets})
    names = {key: Name(**one) for key, one in told.items()}
    drill.clean_abandoned(spots, places.on(world), progress, {name.id for name in names.values()})
    done = []
    for item in sets:
        progress(Event("drill", item.key, State.RUNNING, f"{item.set.kind} {item.set.source} on {spots.drill_server}"))
        asked = Asked(spots, item, world, progress, keep, names[item.key])
        found = keep(f"drill {item.key}", lambda asked=asked: _plain(one(asked)))  # type: ignore[misc]
        steps.forget(spots, names[item.key].id)
        result = DrillResult(**{**found, "record": Path(found["record"]), "page": Path(found["page"])})
        text = f"RTO {evidence.span(result.rto)}, RPO {evidence.span(result.rpo)}" if result.proven else result.why
        progress(Event("drill", item.key, State.OK if result.proven else State.FAILED, text))
        done.append(result)
    return done


def check(world: World, server: str = "") -> None:
    """RefusedError when the server (the declared drill server if empty) looks like production."""
    if world.loopback:
        return
    server = server or world.region.recovery.drills.server
    if against := list(production.declared(world.region, server)):
        raise RefusedError(f"no drill restores there: {against[0]}", "drills.server in drc.yml names it")


@dataclass(frozen=True)
class Asked:
    """One set that is to be drilled. `keep` makes the checkpoints, `name` is what the drill is called."""

    spots: places.Places
    item: Item
    world: World
    progress: Progress = silent
    keep: Keep = at_once
    name: Name | None = None


def one(asked: Asked) -> DrillResult:
    """One set, with its evidence written; or what is left to be done of it."""
    spots, item, world = asked.spots, asked.item, asked.world
    with hostpython.heard(listener(asked.progress, "drill", item.key)):
        seen = drill.run(spots, item, asked.progress, asked.keep, asked.name)
    seen.failure = world.secrets.scrub(seen.failure)
    seen.versions["kominfo-ops"] = version()
    written = asked.keep(f"drill {item.key}: evidence", lambda: evidence.write(spots, seen).told())
    kept = evidence.Evidence.of(written)
    named = (f"{check}: {one.what} {one.name} {one.detail}" for check, found in seen.checked.items() for one in found)
    made = evidence.record(spots, seen, "")
    objectives = made["objectives"]
    return DrillResult(
        item.opd.code,
        item.set.name,
        item.set.kind,
        seen.proven,
        objectives["rto"]["reached"],
        item.set.rto,
        objectives["rpo"]["reached"],
        item.set.rpo,
        objectives["rpo"]["basis"],
        made["counts"]["restored"],
        seen.differences,
        one_line(seen.failure or next(named, "").strip()),
        kept.record,
        kept.page,
        kept.sha256,
        str(of_drill.judge(seen).fault),
        spots.place,
    )


def version() -> str:
    from ops import __version__  # noqa: PLC0415

    return __version__
