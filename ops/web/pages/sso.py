"""Log in by the single sign-on that region.yml declares."""

from __future__ import annotations

from starlette.responses import Response

from ops.errors import UsageError
from ops.system.oidc import Provider
from ops.web import cookies
from ops.web.accounts import attempts, sessions, sign_on
from ops.web.doors import cookie
from ops.web.page import ANYONE, Page
from ops.web.pages.login import enter, onward
from ops.web.visit import Visit


def _declared(visit: Visit) -> Provider:
    found = sign_on.provider(visit.world)
    if found is None:
        raise UsageError("there is no single sign-on here", "log in with name and password")
    return found


def go(visit: Visit) -> Response:
    there = _declared(visit)
    return visit.see(sign_on.begin(visit.desk.database, there, visit.visitor, onward(visit.query.get("next", ""))))


def back(visit: Visit) -> Response:
    """The browser came back. A second factor that the provider saw counts; else ours is asked for."""
    database, there = visit.desk.database, _declared(visit)
    tried = f"sso {visit.address}"  # by address alone: nobody may shut the others out
    noted = attempts.begin(database, tried, visit.address)
    visitor, code = cookie(visit.request, "visitor"), visit.query.get("code", "")
    found = sign_on.end(database, there, visitor, visit.query.get("state", ""), code)
    if found is None:
        attempts.failed(database, tried, visit.address, "not a user here")
        raise UsageError("the single sign-on knows you, but you are no user here", "an admin adds you: Users")
    attempts.succeed(database, noted)
    if not found.strong:
        return enter(visit, found.user, found.back)
    session = sessions.begin(database, found.user.name, "full", visit.address)
    return cookies.log_in(visit, visit.see(found.back), session)


PAGES = (
    Page("/login/sso", "GET", ANYONE, go),
    Page("/login/sso/back", "GET", ANYONE, back),
)
