"""Alerts that fire now, and what is kept back: acknowledge one, or announce maintenance, by asking for a job."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ops.errors import HostFailedError
from ops.jobs.registry import find
from ops.jobs.silence import LABELS
from ops.runs import notify
from ops.runs.model import Order
from ops.system import http
from ops.texts import mark
from ops.web.page import STAFF, Group, Nav, Page, Role
from ops.web.visit import Visit

SECONDS = 2.0  # of patience with Alertmanager: a person waits
NONE_DECLARED = mark("No Alertmanager is declared.")
SILENT = mark("Alertmanager does not answer: nobody knows here which alerts fire.")
MINUTES = (60, 240, 1440, 4320)


def show(visit: Visit) -> Response:
    alerts, silences, trouble = _looked(visit)
    return visit.render("alerts.html", alerts=alerts, silences=silences, trouble=trouble, minutes=MINUTES)


def silence(visit: Visit) -> Response:
    args = {name: visit.posted(name).strip() for name in (*LABELS, "minutes")}
    given = {name: value for name, value in args.items() if value}
    order = Order("silence", given, visit.who, visit.posted("reason").strip()[:500])
    return visit.see(f"/jobs/{visit.desk.ask(find('silence'), order).id}")


def _looked(visit: Visit) -> tuple[list[Any], list[Any], str]:
    """Alerts, the worst first, silences that hold, and why there is neither."""
    url = notify.address(visit.world.region)
    if url is None:
        return [], [], NONE_DECLARED
    try:
        alerts = http.get_json(f"{url}/api/v2/alerts", seconds=SECONDS)
        silences = http.get_json(f"{url}/api/v2/silences", seconds=SECONDS)
    except HostFailedError:
        return [], [], SILENT
    told = [one for one in alerts if one["labels"].get("severity") != "none"]
    rank = {"critical": 0, "warning": 1}
    told.sort(key=lambda one: (rank.get(one["labels"].get("severity", ""), 2), one["startsAt"]))
    return told, [one for one in silences if one["status"]["state"] != "expired"], ""


PAGES = (
    Page("/alerts", "GET", STAFF, show, Nav(mark("Alerts"), Group.STATE, 60)),
    Page("/alerts/silence", "POST", frozenset({Role.OPERATOR}), silence),
)
