"""History: the audit chain, searched and exported, and the proof that nobody has changed it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from ops.runs import audit, history
from ops.system.database import Row
from ops.texts import mark
from ops.web.page import STAFF, Group, Nav, Page, Role
from ops.web.pages.jobs import Wanted, day
from ops.web.table import Column, table
from ops.web.visit import Visit

MOST = 5000  # rows that one search looks at, the newest
_LONGEST_ABOUT = 400
_EMPTY: tuple[Any, ...] = ("", None, [], {}, False)
COLUMNS = (
    Column("seq", mark("No."), number=True),
    Column("at", mark("When")),
    Column("who", mark("Who")),
    Column("act", mark("Act")),
    Column("run", mark("Run")),
    Column("about", mark("About")),
)
_ROLES = frozenset({Role.AUDITOR, Role.ADMIN})


def show(visit: Visit) -> Response:
    wanted = {name: visit.query.get(name, "").strip() for name in ("who", "act", "run", "since", "until")}
    rows = [_row(row) for row in _search(visit, wanted)]
    shown = table(visit, COLUMNS, rows, "seq", descending=True)
    if shown.wants_csv:
        return shown.csv("history")
    return visit.render("history.html", table=shown, wanted=wanted, acts=_acts(visit), most=MOST, problems=None)


def _search(visit: Visit, wanted: dict[str, str]) -> list[Row]:
    conditions = {
        "who = ?": wanted["who"], "act = ?": wanted["act"], "run = ?": wanted["run"],
        "at >= ?": day(wanted["since"], visit.zone), "at < ?": day(wanted["until"], visit.zone),
    }  # fmt: skip
    named = {text: value for text, value in conditions.items() if value not in ("", None)}
    where = " AND ".join(named) or "1 = 1"
    with visit.desk.database.read() as tx:
        return tx.all(f"SELECT * FROM audit WHERE {where} ORDER BY seq DESC LIMIT ?", *named.values(), MOST)  # noqa: S608 # our own words


def _row(row: Row) -> dict[str, Any]:
    return {**row, "about": _short(row["about"])}


def _short(text: str) -> str:
    """What a row tells, as `name: value` pairs that say something."""
    try:
        told = json.loads(text)
    except ValueError:
        return text[:_LONGEST_ABOUT]
    if not isinstance(told, dict):
        return str(told)[:_LONGEST_ABOUT]
    parts = [f"{name}: {_value(value)}" for name, value in told.items() if name != "world" and value not in _EMPTY]
    return " · ".join(parts)[:_LONGEST_ABOUT]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _acts(visit: Visit) -> list[str]:
    with visit.desk.database.read() as tx:
        return [str(row["act"]) for row in tx.all("SELECT DISTINCT act FROM audit ORDER BY act")]


def verify(visit: Visit) -> Response:
    """Look at every row of the chain, and at every run."""
    problems = history.verify(visit.desk.database, visit.world.state)
    wanted = dict.fromkeys(("who", "act", "run", "since", "until"), "")
    with visit.desk.database.read() as tx:
        newest = tx.one("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    shown = table(visit, COLUMNS, [_row(row) for row in _search(visit, wanted)], "seq", descending=True)
    return visit.render(
        "history.html", table=shown, wanted=wanted, acts=_acts(visit), most=MOST, problems=problems, newest=newest
    )


def export(visit: Visit) -> Response:
    """Everything of each run as JSON lines with an end mark, as `ops history --export`."""
    wanted = Wanted.of(visit).filter(visit.zone)
    database, steps, who = visit.desk.database, visit.desk.steps, visit.who
    scrub = visit.world.secrets.scrub

    def lines() -> Iterator[str]:
        for line in history.export(database, steps, wanted):
            yield scrub(line) + "\n"

    with database.write() as tx:
        audit.add(tx, who, "history exported", "", {"since": visit.query.get("since", "")[:20]})
    headers = {"content-disposition": 'attachment; filename="history.jsonl"'}
    return StreamingResponse(lines(), media_type="application/x-ndjson", headers=headers)


PAGES = (
    Page("/history", "GET", STAFF, show, Nav(mark("History"), Group.WORK, 40)),
    Page("/history/verify", "GET", _ROLES, verify),
    Page("/history/export", "GET", _ROLES, export),
)
