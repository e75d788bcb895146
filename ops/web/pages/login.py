"""Log in: password, then the second factor where the role wants one; log out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from ops.web import cookies
from ops.web.accounts import attempts, codes, passwords, sealed, sessions, users
from ops.web.accounts.sessions import Session
from ops.web.accounts.users import User
from ops.web.page import ANYONE, SIGNED_IN, Page
from ops.web.visit import Visit

if TYPE_CHECKING:
    from ops.web.accounts.sessions import Stage

_UNPROVEN = 401


def show(visit: Visit) -> Response:
    if visit.user:
        return visit.see(onward(visit.query.get("next", "")))
    return _form(visit, 200)


def _form(visit: Visit, status: int, wrong: bool = False, name: str = "") -> Response:
    back = onward(visit.query.get("next", "") or visit.posted("next"))
    return visit.render("login.html", status, wrong=wrong, name=name, next=back, sign_on=name_of(visit))


def name_of(visit: Visit) -> str:
    """What the single sign-on is called; empty when there is none."""
    centre = visit.world.region.command_centre
    return centre.sign_on.name if centre.sign_on and centre.address else ""


def log_in(visit: Visit) -> Response:
    """TooManyAttemptsError before anything is checked when there were too many."""
    database, name = visit.desk.database, visit.posted("name").strip().lower()
    noted = attempts.begin(database, name, visit.address)
    if not passwords.verify(users.password_of(database, name), visit.posted("password")):
        attempts.failed(database, name, visit.address, "password")
        return _form(visit, _UNPROVEN, wrong=True, name=name)
    user = users.get(database, name)
    attempts.succeed(database, noted, forgive="" if user.acts or user.has_code else name)
    if visit.session:
        sessions.end(database, visit.session)
    return enter(visit, user, visit.posted("next"))


def enter(visit: Visit, user: User, back: str) -> Response:
    """Whoever has shown who they are goes on: to the second factor, a password of one's own, or in."""
    stage = stage_of(user, proven=False)
    note = codes_note(visit, stage)
    session = sessions.begin(visit.desk.database, user.name, stage, visit.address, note)
    return cookies.log_in(visit, visit.see(_next(stage, back)), session)


def stage_of(user: User, proven: bool) -> Stage:
    """What a user still has to do. `proven`: the second factor was shown."""
    if not proven and user.has_code:
        return "password"
    if not proven and user.acts:
        return "enrol"
    return "renew" if user.fresh else "full"


def codes_note(visit: Visit, stage: Stage) -> str:
    """The secret that is to be enrolled, sealed: the same until it is, however often the page is reloaded."""
    return sealed.seal(visit.world.secrets, codes.invented()) if stage == "enrol" else ""


def _next(stage: Stage, back: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415

    where = {"password": "/login/code", "enrol": "/login/enrol", "renew": "/login/password"}.get(stage)
    back = onward(back)
    return f"{where}?next={quote(back, safe='')}" if where else back


def proven(visit: Visit, session: Session, back: str) -> Response:
    """The second factor was shown."""
    database = visit.desk.database
    user = users.get(database, session.name)
    attempts.succeed(database, [], forgive=user.name)
    stage = stage_of(user, proven=True)
    return cookies.log_in(visit, visit.see(_next(stage, back)), sessions.step(database, session, stage, visit.address))


def log_out(visit: Visit) -> Response:
    if visit.session:
        sessions.end(visit.desk.database, visit.session)
    response = visit.see("/login")
    cookies.take(visit, response, "session")
    response.headers["clear-site-data"] = '"cache"'
    return response


def onward(path: str) -> str:
    """A path of ours to go on to; never another site's, whatever the address says."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\", "/login")) and path.isprintable()
    return path if ours and "\\" not in path else "/"


PAGES = (
    Page("/login", "GET", ANYONE, show),
    Page("/login", "POST", ANYONE, log_in),
    Page("/logout", "POST", SIGNED_IN | ANYONE, log_out),
)
