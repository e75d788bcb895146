"""What stands between a password and the pages: the second factor, setting it up, and a password of one's own."""

from __future__ import annotations

from starlette.responses import Response

from ops.web import cookies
from ops.web.accounts import attempts, codes, passwords, sealed, sessions, users
from ops.web.accounts.sessions import Session, Stage
from ops.web.doors import ElsewhereError
from ops.web.page import ANYONE, Page
from ops.web.pages.login import onward, proven
from ops.web.visit import Visit

_UNPROVEN = 401


def _at(visit: Visit, stage: Stage) -> Session:
    """The session, when it is at this stage. ElsewhereError when it is not."""
    if visit.session is None or visit.session.stage != stage:
        raise ElsewhereError("/")
    return visit.session


def _back(visit: Visit) -> str:
    return onward(visit.query.get("next", "") or visit.posted("next"))


def ask_code(visit: Visit) -> Response:
    _at(visit, "password")
    return visit.render("login_code.html", 200, wrong=False, next=_back(visit))


def take_code(visit: Visit) -> Response:
    session, database = _at(visit, "password"), visit.desk.database
    attempts.begin(database, session.name, visit.address)  # forgiven when it was right
    if codes.use(database, visit.world.secrets, session.name, visit.posted("code")):
        return proven(visit, session, _back(visit))
    attempts.failed(database, session.name, visit.address, "second factor")
    return visit.render("login_code.html", _UNPROVEN, wrong=True, next=_back(visit))


def show_secret(visit: Visit) -> Response:
    return _enrolment(visit, _at(visit, "enrol"), 200)


def _enrolment(visit: Visit, session: Session, status: int) -> Response:
    secret = sealed.unseal(visit.world.secrets, session.note)
    address = codes.address(secret, session.name, visit.world.region.name)
    return visit.render(
        "login_enrol.html",
        status,
        secret=secret,
        qr=_qr(address),
        wrong=status == _UNPROVEN,
        next=_back(visit),
    )


def _qr(text: str) -> str:
    """A picture as a data address."""
    import segno  # noqa: PLC0415 # once in an account's life

    return str(segno.make(text, error="m").png_data_uri(scale=5, border=1))


def enrol(visit: Visit) -> Response:
    session, database, secrets = _at(visit, "enrol"), visit.desk.database, visit.world.secrets
    attempts.begin(database, session.name, visit.address)
    secret = sealed.unseal(secrets, session.note)
    if codes.enrol(database, secrets, session.name, secret, visit.posted("code")):
        return proven(visit, session, _back(visit))
    return _enrolment(visit, session, _UNPROVEN)


def ask_password(visit: Visit) -> Response:
    _at(visit, "renew")
    return visit.render("login_password.html", wrong="", shortest=passwords.SHORTEST, next=_back(visit))


def take_password(visit: Visit) -> Response:
    """A password of one's own in place of the one that was handed over."""
    session, database = _at(visit, "renew"), visit.desk.database
    wrong = new_password_wrong(visit, users.password_of(database, session.name))
    if wrong:
        return visit.render("login_password.html", 400, wrong=wrong, shortest=passwords.SHORTEST, next=_back(visit))
    users.own_password(database, session.name, visit.posted("password"))
    fresh = sessions.begin(database, session.name, "full", visit.address)
    return cookies.log_in(visit, visit.see(_back(visit)), fresh)


def new_password_wrong(visit: Visit, kept: str) -> str:
    """Why a new password cannot be taken, as a text; empty when it can."""
    password, again = visit.posted("password"), visit.posted("again")
    if password != again:
        return visit.words.text("The two are not the same.")
    if not passwords.SHORTEST <= len(password) <= passwords.LONGEST:
        return visit.words.text("It has at least {n} characters.", n=passwords.SHORTEST)
    if passwords.verify(kept, password):
        return visit.words.text("It is the one that you have now.")
    return ""


PAGES = (
    Page("/login/code", "GET", ANYONE, ask_code),
    Page("/login/code", "POST", ANYONE, take_code),
    Page("/login/enrol", "GET", ANYONE, show_secret),
    Page("/login/enrol", "POST", ANYONE, enrol),
    Page("/login/password", "GET", ANYONE, ask_password),
    Page("/login/password", "POST", ANYONE, take_password),
)
