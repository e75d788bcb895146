"""Offices: the list, one office with everything that follows from its declaration, and its past."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from ops.errors import HostFailedError, OpsError
from ops.inventory.model import Opd, Region
from ops.overview import sources
from ops.overview.model import OfficeView
from ops.overview.past import SPANS, Past, past
from ops.overview.state import rank
from ops.plan.change import Artifact
from ops.reconcile import derive
from ops.texts import mark
from ops.web.doors import NotYoursError
from ops.web.page import SIGNED_IN, STAFF, Group, Nav, Page
from ops.web.table import Column, table
from ops.web.visit import Visit
from ops.web.wall_board import looked

COLUMNS = (
    Column("code", mark("Office")),
    Column("name", mark("Name")),
    Column("kecamatan", mark("Kecamatan")),
    Column("link", mark("Link")),
    Column("use", mark("Use of the contract"), number=True),
    Column("margin", mark("Light to spare, dB"), number=True),
    Column("phones", mark("Telephones"), number=True),
    Column("backup", mark("Oldest backup, h"), number=True),
)
SPAN_NAMES = {"day": mark("a day"), "week": mark("a week"), "month": mark("a month")}
_derived: dict[int, tuple[Region, dict[str, list[Artifact]]]] = {}


def offices(visit: Visit) -> Response:
    found = [_row(one) for one in looked(visit).offices if visit.sees(one.code)]
    shown = table(visit, COLUMNS, found, "urgency")
    if shown.wants_csv:
        return shown.csv("opd")
    return visit.render("opd_list.html", table=shown)


def _row(one: OfficeView) -> dict[str, Any]:
    return {
        "code": one.code,
        "name": one.name,
        "kecamatan": one.kecamatan,
        "link": one.up.state.value,
        "use": None if one.use.value is None else round(one.use.value, 3),
        "margin": None if one.margin.value is None else round(one.margin.value, 1),
        "phones": one.phones.limit,
        "backup": None if one.backup is None or one.backup.value is None else round(one.backup.value / 3600, 1),
        "urgency": rank(one.up.state),
        "view": one,
    }


def office(visit: Visit) -> Response:
    declared = _asked(visit)
    made = looked(visit)
    own = made.office(declared.code)
    values: dict[str, Any] = {
        "opd": declared,
        "view": own,
        "made": made,
        "follows": _follows(visit.world.region, declared.code),
        "drills": [one for one in made.drills if one.opd == declared.code],
        "problems": [one for one in made.problems if declared.code in one.opds],
        "spans": SPAN_NAMES,
        "staff": bool(visit.roles & STAFF),
    }
    return visit.render("opd.html", **values)


def _asked(visit: Visit) -> Opd:
    """The office that the address names. NotYoursError for one that the visitor may not see, or that there is not."""
    code = visit.path("opd")
    declared = next((one for one in visit.world.region.opds if one.code == code), None)
    if declared is None or not visit.sees(code):
        raise NotYoursError(f"no office {code[:40]} is yours to see")
    return declared


def _follows(region: Region, code: str) -> Mapping[str, list[Artifact]]:
    """What follows from an office's declaration, by kind. All of a region is derived once and kept while it holds."""
    kept = _derived.get(0)
    if kept is None or kept[0] is not region:
        by_opd: dict[str, list[Artifact]] = {}
        for one in derive(region):
            by_opd.setdefault(one.scope, []).append(one)
        kept = _derived[0] = (region, by_opd)
    found: dict[str, list[Artifact]] = {}
    for one in kept[1].get(code, ()):
        found.setdefault(one.kind, []).append(one)
    return found


def history(visit: Visit) -> Response:
    """The past as figures for the chart; why there is none, where nobody recorded it."""
    declared, span = _asked(visit), _span(visit)
    try:
        found = _past(visit, declared.code, span)
    except HostFailedError as error:
        return JSONResponse({"error": visit.world.secrets.scrub(error.what)})
    contract = sum(link.contract.download for link in declared.links)
    return JSONResponse(
        {
            "times": found.times,
            "download": found.download,
            "upload": found.upload,
            "light": found.light,
            "contract": contract,
        }
    )


def as_table(visit: Visit) -> Response:
    """The same as a table, for those without JavaScript or eyes for charts."""
    declared, span = _asked(visit), _span(visit)
    columns = (
        Column("at", mark("Time")),
        Column("download", mark("Download, Mbit/s"), number=True),
        Column("upload", mark("Upload, Mbit/s"), number=True),
        Column("light", mark("Light, dBm"), number=True),
    )
    trouble, rows = "", list[dict[str, Any]]()
    try:
        rows = _rows(visit, _past(visit, declared.code, span))
    except HostFailedError as error:
        trouble = visit.world.secrets.scrub(error.what)
    shown = table(visit, columns, rows)
    if shown.wants_csv:
        return shown.csv(f"{declared.code}-{span}")
    return visit.render("opd_past.html", table=shown, opd=declared, span=span, spans=SPAN_NAMES, trouble=trouble)


def _rows(visit: Visit, found: Past) -> list[dict[str, Any]]:
    newest_first = reversed(list(zip(found.times, found.download, found.upload, found.light, strict=True)))
    return [
        {"at": visit.words.time(at, visit.zone), "download": _mega(down), "upload": _mega(up), "light": _round(light)}
        for at, down, up, light in newest_first
    ]


def _mega(bps: float | None) -> float | None:
    return None if bps is None else round(bps / 1e6, 2)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _span(visit: Visit) -> str:
    span = visit.query.get("span", "day")
    return span if span in SPANS else "day"


def _past(visit: Visit, code: str, span: str) -> Past:
    """HostFailedError where there is no Prometheus, too."""
    try:
        prometheus = sources.prometheus(visit.world)
    except OpsError as error:
        raise HostFailedError("Prometheus", error.what) from None
    if prometheus is None:
        raise HostFailedError("Prometheus", "none is declared: no server of the group monitoring")
    return past(prometheus, code, span, time.time())


PAGES = (
    Page("/opd", "GET", SIGNED_IN, offices, Nav(mark("Offices"), Group.STATE, 20)),
    Page("/opd/{opd}", "GET", SIGNED_IN, office),
    Page("/opd/{opd}/history.json", "GET", SIGNED_IN, history),
    Page("/opd/{opd}/past", "GET", SIGNED_IN, as_table),
)
