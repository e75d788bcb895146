"""`/`: the first page that the visitor may open."""

from __future__ import annotations

from starlette.responses import Response

from ops.web.page import ANYONE, Page
from ops.web.rendering import navigation
from ops.web.visit import Visit


def show(visit: Visit) -> Response:
    if visit.device:
        return visit.see("/wall")
    if visit.user is None:
        return visit.see("/login")
    groups = navigation(visit)
    return visit.see(groups[0][1][0].path if groups else "/account")


PAGES = (Page("/", "GET", ANYONE, show),)
