"""What the browser is given to keep. Never readable by scripts, never sent along by other sites' forms."""

from __future__ import annotations

from starlette.responses import Response

from ops.web.accounts import sessions
from ops.web.doors import Cookie, cookie, cookie_name
from ops.web.visit import Visit

_YEAR = 365 * 86400


def give(visit: Visit, response: Response, name: Cookie, value: str, seconds: int | None = None) -> None:
    """`seconds`: how long the browser keeps it; None: until it is closed."""
    secure = visit.request.url.scheme == "https"
    full = cookie_name(visit.request, name)
    response.set_cookie(full, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")


def take(visit: Visit, response: Response, name: Cookie) -> None:
    secure = visit.request.url.scheme == "https"
    response.delete_cookie(cookie_name(visit.request, name), "/", secure=secure, httponly=True, samesite="lax")


def log_in(visit: Visit, response: Response, session: sessions.Session) -> Response:
    """The browser's session from now on."""
    give(visit, response, "session", session.token, int(sessions.LONGEST))
    return response


def remember(visit: Visit, response: Response) -> None:
    """What the visitor chose (language, theme), and a token for forms of those who have no session."""
    for name, value in (("lang", visit.words.language), ("theme", visit.theme)):
        if name in visit.query:
            give(visit, response, name, value, _YEAR)  # type: ignore[arg-type] # one of the names above
    if visit.session is None and not cookie(visit.request, "visitor"):
        give(visit, response, "visitor", visit.visitor)
