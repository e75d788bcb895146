"""Backups and drills of every declared set: how old, proven or not, covered or not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from backup import coverage as covers
from ops.inventory.model import BackupSet, Opd, Region
from ops.overview.facts import FRESH_OWN, Facts
from ops.overview.model import DrillView, SetView
from ops.overview.state import Figure, State, aged, rank, unknown, worst
from ops.texts import mark

DAY = 86_400.0
_GAPS = {covers.State.LATE, covers.State.NEVER, covers.State.EXPIRED, covers.State.UNDECLARED}
NEVER_TAKEN, TOO_OLD, IN_FUTURE = mark("never backed up"), mark("older than its RPO"), mark("taken in the future")
NEVER_DRILLED, NOT_PROVEN = mark("never drilled"), mark("the last drill did not prove it")
LONG_AGO = mark("drilled too long ago")
NOT_COVERED = mark("not every service has a fresh backup and a proven drill")
TOO_SLOW, TOO_MUCH_LOST = mark("slower than its RTO"), mark("more lost than its RPO")


def sets(opd: Opd, facts: Facts) -> tuple[SetView, ...]:
    return tuple(_set(opd, one, facts) for one in opd.backup)


def _set(opd: Opd, one: BackupSet, facts: Facts) -> SetView:
    key = f"{opd.code}.{one.name}"
    age, drilled = _age(key, one, facts), _drilled(opd.code, one.name, facts)
    green = facts.greens.get(key)
    proven = green is not None and 0 <= facts.now - green <= covers.DRILL_DAYS * DAY
    covered = age.state is State.OK and proven and drilled.state is not State.STALE
    lacking = worst((age.state, drilled.state, State.WARN))
    return SetView(
        key, opd.code, one.name, one.kind, one.server, one.rpo, one.rto, age, drilled, State.OK if covered else lacking
    )


def _age(key: str, one: BackupSet, facts: Facts) -> Figure:
    """Seconds since the newest backup was taken. The ledger's own age counts too: an old look proves nothing."""
    told = facts.backups
    if told.value is None:
        return unknown(told.why, one.rpo)
    taken = told.value.get(key)
    if taken is None:
        return aged(Figure(State.BAD, None, told.at, NEVER_TAKEN, one.rpo), facts.now, FRESH_OWN)
    age = facts.now - taken
    why = IN_FUTURE if age < 0 else TOO_OLD if age > one.rpo else ""
    return aged(Figure(State.BAD if why else State.OK, age, told.at, why, one.rpo), facts.now, FRESH_OWN)


def _drilled(opd: str, name: str, facts: Facts) -> Figure:
    """Of the newest drill; `at` is when it was, so its age is not that of a reading."""
    told = facts.drills
    if told.value is None:
        return unknown(told.why)
    last = facts.newest_drill.get((opd, name))
    if last is None:
        return Figure(State.WARN, None, None, NEVER_DRILLED)
    if told.at is None or facts.now - told.at > FRESH_OWN:
        return Figure(State.STALE, float(last.proven), last.at, told.why)
    if not last.proven:
        return Figure(State.BAD, 0.0, last.at, NOT_PROVEN)
    if facts.now - last.at > covers.DRILL_DAYS * DAY:
        return Figure(State.WARN, 1.0, last.at, LONG_AGO)
    return Figure(State.OK, 1.0, last.at, "")


def drill_view(file: str, sha256: str, made: Mapping[str, Any]) -> DrillView:
    """A drill's record as it was written. KeyError, ValueError, TypeError for one of another form."""
    rto, rpo = made["objectives"]["rto"], made["objectives"]["rpo"]
    proven = made["verdict"] == "proven"
    within = all(one["reached"] is not None and one["reached"] <= one["target"] for one in (rto, rpo))
    return DrillView(
        id=str(made["drill"]),
        file=file,
        sha256=sha256,
        opd=str(made["opd"]),
        service=str(made["service"]),
        at=datetime.fromisoformat(made["declared"]).timestamp(),
        proven=proven,
        failure=str(made["failure"] or ""),
        rto_reached=rto["reached"],
        rto_target=float(rto["target"]),
        rpo_reached=rpo["reached"],
        rpo_target=float(rpo["target"]),
        state=State.OK if proven and within else State.BAD,
    )


def last_drill(facts: Facts) -> tuple[Figure, Figure]:
    """RTO and RPO that the newest drill reached, against its targets."""
    told = facts.drills
    if told.value is None:
        return unknown(told.why), unknown(told.why)
    if not told.value:
        return unknown(NEVER_DRILLED), unknown(NEVER_DRILLED)
    last = told.value[0]
    if told.at is None or facts.now - told.at > FRESH_OWN:
        return (
            Figure(State.STALE, last.rto_reached, last.at, told.why, last.rto_target),
            Figure(State.STALE, last.rpo_reached, last.at, told.why, last.rpo_target),
        )
    return (
        _reached(last, last.rto_reached, last.rto_target, TOO_SLOW),
        _reached(last, last.rpo_reached, last.rpo_target, TOO_MUCH_LOST),
    )


def _reached(drill: DrillView, reached: float | None, target: float, why: str) -> Figure:
    if not drill.proven or reached is None:
        return Figure(State.BAD, reached, drill.at, NOT_PROVEN, target)
    late = reached > target
    return Figure(State.BAD if late else State.OK, reached, drill.at, why if late else "", target)


def coverage(region: Region, facts: Facts) -> Figure:
    """Services with a fresh backup and a green drill, of all that are declared, those without a backup among them."""
    ledger, drills = facts.backups, facts.drills
    if ledger.value is None or drills.value is None:
        return unknown(ledger.why or drills.why)
    found = covers.coverage(region, ledger.value, facts.greens, facts.now)
    left = {one.state for one in found.services if not one.counts}
    state = State.OK if not left else State.BAD if left & _GAPS else State.WARN
    at = min(ledger.at or 0.0, drills.at or 0.0)
    why = NOT_COVERED if left else ""
    figure = Figure(state, float(len(found.proven)), at, why, float(found.declared))
    return aged(figure, facts.now, FRESH_OWN)


def oldest(all_sets: Iterable[SetView]) -> Figure | None:
    """The backup to look at first: one that is bad, else the one nearest to its RPO. None where nothing is declared."""
    figures = [one.age for one in all_sets]
    return min(figures, key=_urgency) if figures else None


def _urgency(figure: Figure) -> tuple[int, float]:
    share = float("inf") if figure.value is None else figure.value / (figure.limit or 1.0)
    return rank(figure.state), -share
