"""Backups: how old each set's newest one is, whether a drill proved it, and who has none."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ops.overview.model import Overview, SetView
from ops.texts import mark
from ops.web.page import STAFF, Group, Nav, Page
from ops.web.table import Column, table
from ops.web.visit import Visit
from ops.web.wall_board import looked

COLUMNS = (
    Column("key", mark("Set")),
    Column("kind", mark("Kind")),
    Column("server", mark("Server")),
    Column("covered", mark("Protected")),
    Column("age", mark("Age, h"), number=True),
    Column("rpo", mark("RPO, h"), number=True),
    Column("drilled", mark("Last drill, days ago"), number=True),
)


def show(visit: Visit) -> Response:
    made = looked(visit)
    shown = table(visit, COLUMNS, [_row(made, one) for one in made.sets], "urgency")
    if shown.wants_csv:
        return shown.csv("backups")
    without = [one for one in made.offices if not one.sets]
    return visit.render("backups.html", table=shown, made=made, without=without)


def _row(made: Overview, one: SetView) -> dict[str, Any]:
    share = 9.0 if one.age.value is None else one.age.value / one.rpo
    return {
        "key": one.key,
        "kind": one.kind,
        "server": one.server,
        "covered": one.covered.value,
        "age": None if one.age.value is None else round(one.age.value / 3600, 1),
        "rpo": round(one.rpo / 3600, 1),
        "drilled": None if one.drilled.at is None else round((made.now - one.drilled.at) / 86400, 1),
        "urgency": -share,
        "view": one,
    }


PAGES = (Page("/backups", "GET", STAFF, show, Nav(mark("Backups"), Group.STATE, 60)),)
