"""Users, for admins: add, change, disable, reset. A new password is shown once, and its user must replace it."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from ops.errors import UsageError
from ops.texts import mark
from ops.web import wording
from ops.web.accounts import passwords, users
from ops.web.accounts.users import User
from ops.web.page import USER_ROLES, Group, Nav, Page, Role
from ops.web.table import Column, table
from ops.web.visit import Visit

COLUMNS = (
    Column("name", mark("User name")),
    Column("title", mark("Full name")),
    Column("roles", mark("Roles")),
    Column("opds", mark("Offices")),
    Column("code", mark("Second factor")),
    Column("state", mark("State")),
)


def show(visit: Visit) -> Response:
    rows = [_row(user) for user in users.every(visit.desk.database)]
    shown = table(visit, COLUMNS, rows, "name")
    if shown.wants_csv:
        return shown.csv("users")
    return visit.render("users.html", table=shown, roles=wording.ROLES)


def _row(user: User) -> dict[str, str]:
    return {
        "name": user.name, "title": user.title, "roles": ", ".join(sorted(user.roles)),
        "opds": ", ".join(sorted(user.opds)), "code": "yes" if user.has_code else "",
        "state": "disabled" if user.disabled else "",
    }  # fmt: skip


def one(visit: Visit) -> Response:
    user = users.get(visit.desk.database, visit.path("name"))
    return visit.render("user.html", shown=user, roles=wording.ROLES, password="")


def add(visit: Visit) -> Response:
    name = visit.posted("name").strip().lower()
    sso = visit.posted("sso").strip()
    user = User(name, visit.posted("title").strip(), _roles(visit), _opds(visit), fresh=True, sso=sso)
    password = passwords.invented()
    made = users.add(visit.desk.database, user, password, visit.who)
    return visit.render("user.html", shown=made, roles=wording.ROLES, password=password)


def change(visit: Visit) -> Response:
    user = users.get(visit.desk.database, visit.path("name"))
    fresh = replace(
        user, title=visit.posted("title").strip(), roles=_roles(visit), opds=_opds(visit),
        sso=visit.posted("sso").strip(), disabled=bool(visit.posted("disabled")),
    )  # fmt: skip
    if user.name == visit.who and (fresh.disabled or Role.ADMIN not in fresh.roles):
        raise UsageError("nobody shuts the own account out", "another admin does that")
    users.change(visit.desk.database, fresh, visit.who)
    return visit.see("/users" if user.name != visit.who else "/")


def reset(visit: Visit) -> Response:
    password = passwords.invented()
    users.reset(visit.desk.database, visit.path("name"), password, visit.who)
    user = users.get(visit.desk.database, visit.path("name"))
    return visit.render("user.html", shown=user, roles=wording.ROLES, password=password)


def _roles(visit: Visit) -> frozenset[Role]:
    known = {role.value: role for role in USER_ROLES}
    asked = visit.form.get("role", ())
    if unknown := sorted(set(asked) - known.keys()):
        raise UsageError(f"{unknown[0][:20]!r} is no role")
    return frozenset(known[role] for role in asked)


def _opds(visit: Visit) -> frozenset[str]:
    """UsageError for an office that is not declared."""
    asked = frozenset(one for one in visit.form.get("opd", ()) if one)
    if unknown := sorted(asked - {opd.code for opd in visit.world.region.opds}):
        raise UsageError(f"no office has the code {unknown[0][:40]!r}")
    return asked


_ADMIN = frozenset({Role.ADMIN})
PAGES = (
    Page("/users", "GET", _ADMIN, show, Nav(mark("Users"), Group.PEOPLE, 90)),
    Page("/users", "POST", _ADMIN, add),
    Page("/users/{name}", "GET", _ADMIN, one),
    Page("/users/{name}", "POST", _ADMIN, change),
    Page("/users/{name}/reset", "POST", _ADMIN, reset),
)
