"""Wall devices: an admin makes a token, somebody types it into the screen once, an admin takes it back."""

from __future__ import annotations

from starlette.responses import Response

from ops.texts import mark
from ops.web import cookies
from ops.web.accounts import attempts, devices
from ops.web.page import ANYONE, Group, Nav, Page, Role
from ops.web.visit import Visit

_YEAR = 365 * 86400
_UNPROVEN = 401


def show(visit: Visit) -> Response:
    return visit.render("devices.html", devices=devices.every(visit.desk.database), token="", made="")


def add(visit: Visit) -> Response:
    name = visit.posted("name").strip().lower()
    token = devices.add(visit.desk.database, name, visit.who)
    return visit.render("devices.html", devices=devices.every(visit.desk.database), token=token, made=name)


def revoke(visit: Visit) -> Response:
    devices.revoke(visit.desk.database, visit.path("name"), visit.who)
    return visit.see("/devices")


def ask(visit: Visit) -> Response:
    return visit.render("device.html", wrong=False)


def enter(visit: Visit) -> Response:
    database, token = visit.desk.database, visit.posted("token").strip()
    tried = f"device {visit.address}"  # by address alone: nobody may shut the others out
    noted = attempts.begin(database, tried, visit.address)
    if devices.find(database, token) is None:
        attempts.failed(database, tried, visit.address, "device")
        return visit.render("device.html", _UNPROVEN, wrong=True)
    attempts.succeed(database, noted, forgive=tried)
    response = visit.see("/wall")
    cookies.give(visit, response, "device", token, _YEAR)
    return response


_ADMIN = frozenset({Role.ADMIN})
PAGES = (
    Page("/devices", "GET", _ADMIN, show, Nav(mark("Wall devices"), Group.PEOPLE, 91)),
    Page("/devices", "POST", _ADMIN, add),
    Page("/devices/{name}/revoke", "POST", _ADMIN, revoke),
    Page("/device", "GET", ANYONE, ask),
    Page("/device", "POST", ANYONE, enter),
)
