"""Drills: every record of the chain of evidence, and one of them with its steps and how to verify it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.responses import Response

from backup import evidence, places
from ops.errors import OpsError, UsageError
from ops.overview.model import DrillView
from ops.texts import mark
from ops.web.page import STAFF, Group, Nav, Page
from ops.web.table import Column, table
from ops.web.visit import Visit
from ops.web.wall_board import looked

COLUMNS = (
    Column("at", mark("When")),
    Column("service", mark("Set")),
    Column("verdict", mark("Verdict")),
    Column("rto", mark("RTO reached, s"), number=True),
    Column("rto_target", mark("RTO agreed, s"), number=True),
    Column("rpo", mark("RPO reached, s"), number=True),
    Column("rpo_target", mark("RPO agreed, s"), number=True),
)


def show(visit: Visit) -> Response:
    made = looked(visit)
    shown = table(visit, COLUMNS, [_row(one) for one in made.drills], "at", descending=True)
    if shown.wants_csv:
        return shown.csv("drills")
    return visit.render("drills.html", table=shown, made=made)


def _row(one: DrillView) -> dict[str, Any]:
    return {
        "at": one.at,
        "service": f"{one.opd}.{one.service}",
        "verdict": one.state.value,
        "rto": one.rto_reached,
        "rto_target": one.rto_target,
        "rpo": one.rpo_reached,
        "rpo_target": one.rpo_target,
        "view": one,
    }


def record(visit: Visit) -> Response:
    """One record, read anew: whether it is what was written is checked while the person looks."""
    path = _asked(visit)
    try:
        wrong = evidence.problems(path)
    except OpsError as error:
        wrong = [error.what]
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return visit.render("drill.html", made=made, file=path.name, wrong=wrong, folder=path.parent.name)


def _asked(visit: Visit) -> Path:
    """UsageError for a record that the chain does not name."""
    wanted = visit.path("drill")
    for one in looked(visit).drills:
        if one.id == wanted:
            path = places.of(visit.world).evidence / one.file
            if path.is_file():
                return path
    raise UsageError(f"there is no drill {wanted[:60]}", "the list of drills names them")


PAGES = (
    Page("/drills", "GET", STAFF, show, Nav(mark("Drills"), Group.STATE, 70)),
    Page("/drills/{drill}", "GET", STAFF, record),
)
