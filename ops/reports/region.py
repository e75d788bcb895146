"""One page for the regency's head: facts of the whole regency, then a table of all offices, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ops.inventory.model import Region
from ops.reports.kept import Facts
from ops.reports.office import head
from ops.reports.period import Period

_RANK = {"bad": 0, "none": 1, "ok": 2, "absent": 3}


def region_page(region: Region, period: Period, offices: Sequence[Facts]) -> Facts:
    """From the facts of every office (`ops.reports.office.office`): nothing is measured anew."""
    rows = sorted((_row(one) for one in offices), key=_worst_first)
    known = [row["availability"] for row in rows if row["availability"] is not None]
    lasted = [outage for one in offices for outage in one["availability"]["outages"]]
    causes = Counter(outage["cause"] for outage in lasted)
    return {
        **head(region, period),
        "kind": "region",
        "name": region.name,
        "offices": len(rows),
        "measured": len(known),
        "availability": sum(known) / len(known) if known else None,
        "below": sum(row["state"] == "bad" for row in rows),
        "outages": len(lasted),
        "longest": max((outage["seconds"] for outage in lasted), default=None),
        "causes": [{"cause": cause, "count": count} for cause, count in causes.most_common()],
        "backups": _count(offices, "backups"),
        "drills": _count(offices, "drills"),
        "calls": _count(offices, "calls"),
        "rows": rows,
        "sources": [
            {"id": "Q1", "place": "declared", "query": "the offices' own reports of this month; each has its queries"}
        ],
    }


def _row(one: Facts) -> dict[str, Any]:
    available = one["availability"]
    return {
        "opd": one["opd"],
        "name": one["name"],
        "state": available["state"],
        "availability": available["figure"]["value"],
        "promised": available["promised"],
        "outages": len(available["outages"]),
        "down": available["down"]["value"],
        "download_use": one["bandwidth"]["download"]["use"]["value"],
        "saturated": one["bandwidth"]["download"]["saturated"]["value"],
        "backups": one["backups"]["state"],
        "drills": one["drills"]["state"],
        "reason": available["figure"]["reason"],
    }


def _worst_first(row: dict[str, Any]) -> tuple[Any, ...]:
    lost = (row["promised"] or 0) - row["availability"] if row["availability"] is not None else 0
    return _RANK[row["state"]], -lost, -row["down"], row["name"]


def _count(offices: Sequence[Facts], part: str) -> dict[str, int]:
    return dict(Counter(one[part]["state"] for one in offices))
