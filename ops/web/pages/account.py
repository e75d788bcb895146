"""One's own account: what it may do, where it is logged in, another password."""

from __future__ import annotations

from starlette.responses import Response

from ops.web import cookies, wording
from ops.web.accounts import attempts, passwords, sessions, users
from ops.web.accounts.users import User
from ops.web.doors import ElsewhereError
from ops.web.page import SIGNED_IN, Page
from ops.web.pages.second_factor import new_password_wrong
from ops.web.visit import Visit


def _me(visit: Visit) -> User:
    if visit.user is None:
        raise ElsewhereError("/login")
    return visit.user


def show(visit: Visit) -> Response:
    return _page(visit, 200, "")


def _page(visit: Visit, status: int, wrong: str) -> Response:
    with visit.desk.database.read() as tx:
        logins = tx.all("SELECT at, act, about FROM audit WHERE who = ? ORDER BY seq DESC LIMIT 15", _me(visit).name)
        open_ = tx.all("SELECT created, seen, address FROM web_session WHERE name = ?", _me(visit).name)
    return visit.render(
        "account.html", status, logins=logins, open=open_, roles=wording.ROLES, wrong=wrong, shortest=passwords.SHORTEST
    )


def change_password(visit: Visit) -> Response:
    """Asks for the present one: an unlocked screen is no password."""
    me, database = _me(visit), visit.desk.database
    noted = attempts.begin(database, me.name, visit.address)
    kept = users.password_of(database, me.name)
    if not passwords.verify(kept, visit.posted("present")):
        attempts.failed(database, me.name, visit.address, "account")
        return _page(visit, 400, visit.words.text("Your present password is not right."))
    attempts.succeed(database, noted)
    if wrong := new_password_wrong(visit, kept):
        return _page(visit, 400, wrong)
    users.own_password(database, me.name, visit.posted("password"))
    return cookies.log_in(visit, visit.see("/account"), sessions.begin(database, me.name, "full", visit.address))


def end_others(visit: Visit) -> Response:
    token = visit.session.token if visit.session else ""
    sessions.end_all(visit.desk.database, _me(visit).name, but=token)
    return visit.see("/account")


PAGES = (
    Page("/account", "GET", SIGNED_IN, show),
    Page("/account/password", "POST", SIGNED_IN, change_password),
    Page("/account/others", "POST", SIGNED_IN, end_others),
)
