"""The evidence of a drill of a whole service: what was asked and answered, with the records of its sets by their sums.

Record and chain as of any other drill (`backup/evidence.py`). A page that was asked for is never in it, only its sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from backup import evidence, standards
from backup.evidence import Evidence, iso, step_told
from backup.places import Places, who
from backup.service import Kind, ServiceDrill, judge, told

FORMAT = "kominfo-ops service drill evidence 1"
_ISOLATION = {
    Kind.SERVICE: "own folder; web server and database in network and process namespaces of their own, no network",
    Kind.FAILOVER: "standby on the drill server; only the station is let in; database by socket file only; "
    "switched in a test view of the names, official name servers are only asked",
}


def record(spots: Places, drill: ServiceDrill, sets: Mapping[str, Evidence], previous: str) -> dict[str, Any]:
    """Plain values only, no secret, times as ISO 8601 in the region's zone, spans in seconds. `sets`: their records."""
    zone, item = ZoneInfo(spots.timezone), drill.item
    steps = [(one.item.key, step) for one in drill.sets for step in one.steps] + [("", step) for step in drill.steps]
    verdict = judge(drill)
    return {
        "format": FORMAT,
        "drill": drill.id,
        "type": str(item.kind),
        "aim": list(standards.SERVICE_AIM),
        "region": spots.region,
        "opd": item.opd.code,
        "opd_name": item.opd.name,
        "service": item.service.name,
        "owner": item.opd.name,
        "kind": str(item.kind),
        "restored_on": spots.drill_server,
        "by": who(),
        "resumed": drill.resumed,
        "declared": iso(drill.declared, zone),
        "verified": iso(drill.green, zone),
        "objectives": _objectives(drill, zone),
        "isolation": _ISOLATION[item.kind],
        "sets": [_set(one, sets.get(one.item.key)) for one in drill.sets],
        "probes": [_probe(one) for one in drill.probes],
        "view": drill.view,
        "findings": verdict.told()["proof"],
        "steps": [{**step_told(step, zone), "of": of} for of, step in sorted(steps, key=lambda one: one[1].begun)],
        "differences_total": sum(one.differences for one in drill.sets),
        "failure": drill.failure or (verdict.proof[0].what if verdict.proof else ""),
        "cleaned_up": drill.cleaned,
        "standards": [list(line) for line in standards.standards(bool(spots.root))] if drill.proven else [],
        "verdict": "proven" if drill.proven else "not proven",
        "class": str(verdict.fault),
        "previous": previous,
    }


def write(spots: Places, drill: ServiceDrill, sets: Mapping[str, Evidence]) -> Evidence:
    """Record, signature, page, and a line in the chain."""

    def made(_before: Sequence[Mapping[str, Any]], previous: str) -> dict[str, Any]:
        return record(spots, drill, sets, previous)

    return evidence.seal(spots, drill.id, made, "service.html.j2")


def _objectives(drill: ServiceDrill, zone: ZoneInfo) -> dict[str, Any]:
    point = drill.point
    return {
        "rto": {"target": drill.item.service.rto, "reached": None if drill.rto is None else round(drill.rto, 3)},
        "rpo": {
            "target": drill.item.rpo,
            "reached": None if drill.rpo is None else round(drill.rpo, 3),
            "point": iso(point.epoch, zone) if point else "",
            "basis": point.basis if point else "",
        },
    }


def _set(one: Any, kept: Evidence | None) -> dict[str, Any]:
    return {
        "set": one.item.key,
        "drill": one.id,
        "snapshot": one.entry.get("snapshot", ""),
        "proven": one.proven,
        "differences": one.differences,
        "record": kept.record.name if kept else "",
        "sha256": kept.sha256 if kept else "",
    }


def _probe(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "asked": told(one["probe"]), "held": not one["wrong"]}
