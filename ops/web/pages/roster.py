"""Who is on call now and next. An office's viewer sees the regency's duty and that of the own office."""

from __future__ import annotations

import time
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from ops.inventory.on_call import OnCall, on_call
from ops.texts import mark
from ops.web.page import SIGNED_IN, Group, Nav, Page
from ops.web.visit import Visit


def show(visit: Visit) -> Response:
    now = on_call(visit.world.region, time.time())
    found = [one for one in now if not one.opds or any(visit.sees(opd) for opd in one.opds)]
    return visit.render("roster.html", rows=[_row(visit, one) for one in found])


def _row(visit: Visit, one: OnCall) -> dict[str, Any]:
    """With the end of the shift (Unix seconds) and whoever comes next."""
    ends = one.ends.replace(tzinfo=ZoneInfo(visit.zone)).timestamp() if one.ends else None
    after = [] if ends is None else on_call(visit.world.region, ends)
    return {"one": one, "ends": ends, "next": next((two.person for two in after if two.duty == one.duty), None)}


PAGES = (Page("/roster", "GET", SIGNED_IN, show, Nav(mark("On call"), Group.PEOPLE, 5)),)
