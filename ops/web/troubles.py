"""What went wrong, as a page: an error a person can mend in its own words, anything else without any detail."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from ops.errors import OpsError, RefusedError, UsageError
from ops.system.database import DatabaseGoneError
from ops.texts import mark
from ops.web import cookies, doors
from ops.web.accounts.attempts import TooManyAttemptsError
from ops.web.page import Page
from ops.web.shared import Shared
from ops.web.visit import SEE_OTHER

_log = logging.getLogger(__name__)
_STATUS: tuple[tuple[type[OpsError], int], ...] = (
    (TooManyAttemptsError, 429), (doors.NotYoursError, 403),
    (doors.ForeignFormError, 403), (doors.TooLargeError, 413), (RefusedError, 409),
    (UsageError, 400), (DatabaseGoneError, 503),
)  # fmt: skip
_TITLES = {
    400: mark("That cannot be"), 403: mark("Not allowed"), 404: mark("There is no such page"),
    405: mark("There is no such page"), 409: mark("Refused"), 413: mark("Too large"), 429: mark("Too many attempts"),
    503: mark("The database does not answer"),
}  # fmt: skip
_BUG = mark("Something broke here")


def answer(request: Request, page: Page, shared: Shared, error: Exception) -> Response:
    if isinstance(error, doors.ElsewhereError):
        return RedirectResponse(error.path, SEE_OTHER)
    status, what, step = _told(error)
    if status >= 500:  # noqa: PLR2004 # ours, not the visitor's
        _log.error("%s %s: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
    headers = {"retry-after": str(int(error.wait) + 1)} if isinstance(error, TooManyAttemptsError) else {}
    if status == 503:  # noqa: PLR2004 # without a database nobody is known
        return PlainTextResponse("The database does not answer. Basis data tidak menjawab.\n", status)
    visit = doors.known(request, page, shared)
    scrub = visit.world.secrets.scrub
    values = {"what": scrub(what), "step": scrub(step), "title": _TITLES.get(status, _BUG), "status": status}
    response = visit.render("trouble.html", status, **values)
    response.headers.update(headers)
    cookies.remember(visit, response)
    return response


def _told(error: Exception) -> tuple[int, str, str]:
    """Status, what is wrong, what to do. Of a bug nothing is told; the log has it."""
    if isinstance(error, HTTPException):
        return error.status_code, "", ""
    if isinstance(error, OpsError):
        return next((status for kind, status in _STATUS if isinstance(error, kind)), 502), error.what, error.next_step
    return 500, "", ""
