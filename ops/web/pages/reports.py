"""Documents: the reports that jobs have written, to take away. An office's viewer sees those of the own office only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.responses import Response

from ops.errors import UsageError
from ops.jobs.registry import find
from ops.runs.model import Order
from ops.texts import mark
from ops.web.page import SIGNED_IN, Group, Nav, Page, Role
from ops.web.table import Column, table
from ops.web.visit import Visit

COLUMNS = (Column("period", mark("Month or year")), Column("title", mark("Report of")))
WHOLE = {
    "_region": mark("the whole regency"),
    "_upstream": mark("upstreams and restitution"),
    "_spbe": mark("SPBE annex"),
    "_iso27001": mark("ISO/IEC 27001 annex"),
}
_FILE = re.compile(r"(?P<name>_?[a-z][a-z0-9-]{1,29})\.(?P<form>(id|en)\.(html|pdf|md)|json)")
_PERIOD = re.compile(r"20\d\d(-\d\d)?")
_KINDS = {"html": "text/html", "pdf": "application/pdf", "md": "text/markdown", "json": "application/json"}


def show(visit: Visit) -> Response:
    shown = table(visit, COLUMNS, list(_rows(visit)), "period", descending=True)
    if shown.wants_csv:
        return shown.csv("reports")
    return visit.render("reports.html", table=shown)


def download(visit: Visit) -> Response:
    """As a file to keep: what it holds is never run as a page of ours."""
    period, name = visit.path("period"), visit.path("file")
    found = _FILE.fullmatch(name)
    if not found or not _PERIOD.fullmatch(period) or not _may(visit, found["name"]):
        return visit.render("reports_none.html", 404)
    path = _folder(visit) / period / name
    if not path.is_file():
        return visit.render("reports_none.html", 404)
    kind = _KINDS[found["form"].rpartition(".")[2]]
    kept = f'attachment; filename="{period}-{name}"'
    return Response(path.read_bytes(), media_type=kind, headers={"Content-Disposition": kept})


def ask(visit: Visit) -> Response:
    """Enqueue the monthly reports anew."""
    month = visit.posted("month").strip()
    if month and not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month):
        raise UsageError(f"{month[:20]!r} is not a month", "write it as 2026-09")
    order = Order("report", {"month": month} if month else {}, visit.who, visit.posted("reason").strip()[:500])
    return visit.see(f"/jobs/{visit.desk.ask(find('report'), order).id}")


def _folder(visit: Visit) -> Path:
    return visit.world.state / "reports"


def _may(visit: Visit, name: str) -> bool:
    """Reports of the whole are for those who see every office."""
    if name.startswith("_"):
        return visit.may(Role.OPERATOR, Role.APPROVER, Role.AUDITOR, Role.ADMIN)
    return visit.sees(name)


def _rows(visit: Visit) -> Iterator[dict[str, Any]]:
    """One row per report, with the forms that there are of it."""
    titles = {opd.code: opd.name for opd in visit.world.region.opds}
    for folder in sorted(_folder(visit).glob("20*")):
        forms: dict[str, list[str]] = {}
        for path in sorted(folder.iterdir()):
            if (found := _FILE.fullmatch(path.name)) and _may(visit, found["name"]):
                forms.setdefault(found["name"], []).append(found["form"])
        for name, listed in forms.items():
            title = visit.words.text(WHOLE[name]) if name in WHOLE else titles.get(name, name)
            yield {"period": folder.name, "title": title, "name": name, "forms": listed}


PAGES = (
    Page("/reports", "GET", SIGNED_IN, show, Nav(mark("Reports"), Group.PAPERS, 10)),
    Page("/reports/{period}/{file}", "GET", SIGNED_IN, download),
    Page("/reports/ask", "POST", frozenset({Role.OPERATOR}), ask),
)
