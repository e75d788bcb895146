"""The wall of the command centre: `/wall`, drawn on the server, kept up by one stream."""

from __future__ import annotations

from starlette.responses import Response, StreamingResponse

from ops.texts import mark
from ops.web.page import SCREENS, Group, Nav, Page
from ops.web.visit import Visit
from ops.web.wall_board import PARTS, Board, beat, looked, messages, parts

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}  # nginx must not hold lines back


def show(visit: Visit) -> Response:
    made = looked(visit)
    return visit.render("wall.html", parts=parts(visit, made), names=PARTS, made=made, beat=beat(visit, made).data)


async def live(visit: Visit) -> Response:
    """Parts as they change. Nothing is replayed: who comes again gets everything as it is now."""
    return StreamingResponse(messages(visit.keep(Board), visit), media_type="text/event-stream", headers=_HEADERS)


PAGES = (
    Page("/wall", "GET", SCREENS, show, Nav(mark("Wall"), Group.STATE, 10)),
    Page("/wall/live", "GET", SCREENS, live, quiet=True),
)
