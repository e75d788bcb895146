"""Prove declared sets by restoring them, one after the other, each with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backup import drill, evidence, layout, places
from backup.layout import Item
from ops.errors import one_line
from ops.progress import Event, Progress, State, silent
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


def run(world: World, sets: Sequence[Item] | None = None, progress: Progress = silent) -> list[DrillResult]:
    """Drill the given sets (all by default) on the declared drill server. Not proven is a result, not an error."""
    spots = places.of(world)
    drill.clean_abandoned(spots, places.on(world), progress)
    done = []
    for item in layout.items(world.region) if sets is None else sets:
        progress(Event("drill", item.key, State.RUNNING, f"{item.set.kind} {item.set.source} on {spots.drill_server}"))
        result = one(spots, item, world, progress)
        text = f"RTO {evidence.span(result.rto)}, RPO {evidence.span(result.rpo)}" if result.proven else result.why
        progress(Event("drill", item.key, State.OK if result.proven else State.FAILED, text))
        done.append(result)
    return done


def one(spots: places.Places, item: Item, world: World, progress: Progress) -> DrillResult:
    """One set, with its evidence written."""
    seen = drill.run(spots, item, progress)
    seen.failure = world.secrets.scrub(seen.failure)
    seen.versions["kominfo-ops"] = _version()
    kept = evidence.write(spots, seen)
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
    )


def _version() -> str:
    from ops import __version__  # noqa: PLC0415

    return __version__
