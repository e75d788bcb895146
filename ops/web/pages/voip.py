"""Telephones by office: declared, registered, and how the last test call went."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ops.inventory.model import Opd
from ops.overview.model import OfficeView
from ops.texts import mark
from ops.web.page import STAFF, Group, Nav, Page
from ops.web.table import Column, table
from ops.web.visit import Visit
from ops.web.wall_board import looked

COLUMNS = (
    Column("code", mark("Office")),
    Column("range", mark("Numbers")),
    Column("declared", mark("Telephones"), number=True),
    Column("registered", mark("Registered"), number=True),
    Column("call", mark("Last test call")),
    Column("at", mark("When")),
)


def show(visit: Visit) -> Response:
    made = looked(visit)
    views = {one.code: one for one in made.offices}
    rows = [_row(visit, opd, views[opd.code]) for opd in visit.world.region.opds if opd.phones and opd.code in views]
    shown = table(visit, COLUMNS, rows, "code")
    if shown.wants_csv:
        return shown.csv("telephones")
    return visit.render("voip.html", table=shown, made=made)


def _row(visit: Visit, opd: Opd, view: OfficeView) -> dict[str, Any]:
    return {
        "code": opd.code,
        "range": str(opd.phones.range) if opd.phones else "",
        "declared": view.phones.limit,
        "registered": view.phones.value,
        "call": view.call.state.value,
        "at": "" if view.call.at is None else visit.words.time(view.call.at, visit.zone),
        "view": view,
    }


PAGES = (Page("/voip", "GET", STAFF, show, Nav(mark("Telephones"), Group.STATE, 50)),)
