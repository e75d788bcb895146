"""Who comes in by which door: finds out who it is, whether the page is theirs, and whether a form is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args
from urllib.parse import parse_qs, quote, urlsplit

from starlette.requests import Request

from ops.errors import OpsError
from ops.texts import LANGUAGES, Language, words
from ops.web.accounts import devices, sessions, tokens
from ops.web.page import Page, Role
from ops.web.shared import Shared
from ops.web.visit import Visit

Cookie = Literal["session", "device", "visitor", "lang", "theme"]
THEMES = ("auto", "light", "dark")
MOST_BODY = 64 * 1024  # bytes of a form
_MOST_FIELDS = 200
_FORM = "application/x-www-form-urlencoded"
_STAGES = {"password": "/login/code", "enrol": "/login/enrol", "renew": "/login/password"}


class ElsewhereError(OpsError):
    """The visitor has to go to another page first: `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"see {path}")
        self.path = path


class NotYoursError(OpsError):
    """Somebody who is known may not use this page."""

    next_step = "an admin gives roles: Users"


class ForeignFormError(OpsError):
    """A form that was not sent from a page of ours, in this session."""


class TooLargeError(OpsError):
    """A body that no form of ours sends."""


def cookie_name(request: Request, cookie: Cookie) -> str:
    """`__Host-` where the connection is safe: such a cookie can neither be set by another host nor sent in clear."""
    return f"__Host-{cookie}" if request.url.scheme == "https" else f"ops-{cookie}"


def cookie(request: Request, name: Cookie) -> str:
    return request.cookies.get(cookie_name(request, name), "")


def visit(request: Request, page: Page, shared: Shared, body: bytes) -> Visit:
    """The visit, once it may be. ElsewhereError, NotYoursError or ForeignFormError when it may not."""
    found = known(request, page, shared)
    if not page.roles & found.roles:
        _turn_away(found)
    if page.method == "POST":
        found.form = _form(request, body)
        _is_ours(found)
    return found


def known(request: Request, page: Page, shared: Shared) -> Visit:
    """Who it is, whatever they may do."""
    found = Visit(request, page, shared, words(_language(request)), _theme(request), frozenset({Role.ANYONE}))
    found.visitor = cookie(request, "visitor") or tokens.fresh()
    database = shared.desk.database
    token = cookie(request, "session")
    if token and (there := sessions.find(database, token, lively=not page.quiet)):
        found.session, user = there
        if found.session.stage == "full":
            found.user = user
            found.roles = user.roles | {Role.ANYONE}
    elif (token := cookie(request, "device")) and (device := devices.find(database, token)):
        found.device, found.roles = device, frozenset({Role.ANYONE, Role.WALL})
    return found


def _turn_away(found: Visit) -> None:
    if found.session and found.session.stage in _STAGES:
        raise ElsewhereError(_STAGES[found.session.stage])
    if found.user or found.device:
        raise NotYoursError("this page is not for your role")
    if found.page.method == "POST":
        raise ElsewhereError("/login")
    back = found.request.url.path + (f"?{found.request.url.query}" if found.request.url.query else "")
    raise ElsewhereError(f"/login?next={quote(back, safe='')}")


def _form(request: Request, body: bytes) -> Mapping[str, tuple[str, ...]]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise ForeignFormError("this is no form", "send it as the page does")
    try:
        fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise TooLargeError("too many fields") from None
    return {name: tuple(value.replace("\0", "") for value in values) for name, values in fields.items()}


def _is_ours(found: Visit) -> None:
    """A form that another site made the browser send is refused: by what the browser says and what it lacks."""
    headers = found.request.headers
    site, origin = headers.get("sec-fetch-site", "same-origin"), headers.get("origin")
    if site not in {"same-origin", "none"} or (origin and urlsplit(origin).netloc != headers.get("host")):
        raise ForeignFormError("this form was sent by another site", "open the page itself")
    token = found.session.token if found.session else cookie(found.request, "visitor")
    sent = found.posted("csrf") or headers.get("x-csrf", "")
    if not token or not tokens.proven(token, sent):
        raise ForeignFormError("this form is too old, or of another session", "reload the page, send it again")


def _language(request: Request) -> Language:
    asked = request.query_params.get("lang") or cookie(request, "lang")
    return next((one for one in get_args(Language) if one == asked), LANGUAGES[0])


def _theme(request: Request) -> str:
    asked = request.query_params.get("theme") or cookie(request, "theme")
    return asked if asked in THEMES else THEMES[0]
