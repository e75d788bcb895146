"""Servers, and what differs on them from what the last run left."""

from __future__ import annotations

from starlette.responses import Response

from ops.texts import mark
from ops.web.page import STAFF, Group, Nav, Page
from ops.web.table import Column, table
from ops.web.visit import Visit
from ops.web.wall_board import looked

COLUMNS = (
    Column("name", mark("Server")),
    Column("address", mark("Address")),
    Column("groups", mark("Groups")),
    Column("state", mark("State")),
    Column("drift", mark("Differences"), number=True),
    Column("age", mark("Looked at, h ago"), number=True),
)


def show(visit: Visit) -> Response:
    made = looked(visit)
    rows = [
        {
            "name": one.name,
            "address": one.address,
            "groups": ", ".join(one.groups),
            "state": one.drift.state.value,
            "drift": one.drift.value,
            "age": None if one.drift.at is None else round((made.now - one.drift.at) / 3600, 1),
            "view": one,
        }
        for one in made.servers
    ]
    shown = table(visit, COLUMNS, rows, "name")
    if shown.wants_csv:
        return shown.csv("servers")
    return visit.render("servers.html", table=shown, made=made)


PAGES = (Page("/servers", "GET", STAFF, show, Nav(mark("Servers and drift"), Group.STATE, 40)),)
