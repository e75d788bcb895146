"""Jobs: the list of runs with its filter, and one run with live output, cancel, retry, approve and refuse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ops.errors import UsageError
from ops.jobs.registry import find
from ops.runs import approvals, history, queue
from ops.runs.foreground import blockers
from ops.runs.history import Filter
from ops.runs.model import Run, RunState
from ops.runs.steps import events_after
from ops.system.database import Row
from ops.texts import mark
from ops.web import wording
from ops.web.page import STAFF, Group, Nav, Page, Role
from ops.web.stream import Message, resumed_after, stream
from ops.web.table import Column, table
from ops.web.visit import Visit

MOST = 2000  # runs that one search looks at
_TOLD = 400  # of a run's events, so many of the newest stand in the page from the beginning
_LOOK = 0.5  # seconds between looks at a run's events
_OPEN = (RunState.HELD, RunState.WAITING, RunState.RUNNING)


@dataclass(frozen=True)
class Wanted:
    """What the filter above the list says."""

    state: str = ""
    kind: str = ""
    opd: str = ""
    host: str = ""
    who: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, visit: Visit) -> Wanted:
        return cls(**{name: visit.query.get(name, "").strip() for name in cls.__dataclass_fields__})

    def filter(self, zone: str) -> Filter:
        """UsageError for a state or a day that is none."""
        if self.state and self.state not in {*RunState, "open"}:
            raise UsageError(f"{self.state[:20]!r} is no state")
        state = RunState(self.state) if self.state and self.state != "open" else None
        since, until = day(self.since, zone), day(self.until, zone)
        return Filter(self.opd or None, self.host or None, self.kind or None, state, self.who or None, since, until)


def day(text: str, zone: str) -> float | None:
    """Its first second by the region's clock; None for none. UsageError for what is no day."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=ZoneInfo(zone)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f"{text[:20]!r} is no day", "write it as 2026-11-01") from None


COLUMNS = (
    Column("state", mark("State")),
    Column("kind", mark("Job")),
    Column("created", mark("Asked")),
    Column("who", mark("By")),
    Column("took", mark("Took"), number=True),
    Column("about", mark("About")),
    Column("id", mark("Run")),
)


def show(visit: Visit) -> Response:
    wanted = Wanted.of(visit)
    found = _search(visit, wanted)
    shown = table(visit, COLUMNS, [_row(one) for one in found], "created", descending=True)
    if shown.wants_csv:
        return shown.csv("jobs")
    kinds = sorted({*wording.JOBS, *(one.kind for one in found)})
    return visit.render("jobs.html", table=shown, wanted=wanted, kinds=kinds, states=wording.STATES)


def _search(visit: Visit, wanted: Wanted) -> list[Run]:
    from dataclasses import replace  # noqa: PLC0415

    chosen = replace(wanted.filter(visit.zone), limit=MOST)
    if wanted.state != "open":
        return history.search(visit.desk.database, chosen)
    return [run for state in _OPEN for run in history.search(visit.desk.database, replace(chosen, state=state))]


def _row(run: Run) -> dict[str, Any]:
    ended = run.ended or (time.time() if run.state is RunState.RUNNING else None)
    return {
        "id": run.id, "state": run.state.value, "kind": run.kind, "created": run.created, "who": run.who,
        "took": ended - run.started if ended and run.started else None,
        "about": run.hold or str((run.error or {}).get("what", "")) or run.reason,
    }  # fmt: skip


# ---- one run


def _run(visit: Visit) -> Run:
    return queue.get(visit.desk.database, visit.path("run"))


def one(visit: Visit) -> Response:
    run = _run(visit)
    story = history.story(visit.desk.database, visit.desk.steps, run.id)
    told = story["events"][-_TOLD:]
    newest = _newest(visit, run.id)
    return visit.render(
        "job.html", run=run, story=story, events=told, left_out=len(story["events"]) - len(told), newest=newest,
        blockers=blockers(visit.desk.database, run.id) if run.state is RunState.WAITING else [],
        may=_may(visit, run), states=wording.STATES, subjects=wording.SUBJECTS,
    )  # fmt: skip


def _newest(visit: Visit, run: str) -> int:
    with visit.desk.database.read() as tx:
        row = tx.one("SELECT max(id) AS id FROM event WHERE run = ?", run)
    return int((row or {}).get("id") or 0)


def _may(visit: Visit, run: Run) -> dict[str, bool]:
    """What this visitor may do with this run, as the engine will judge it."""
    approvers = visit.world.region.policies.approvers
    decides = visit.may(Role.APPROVER) and (not approvers or visit.who in approvers)
    held = run.state is RunState.HELD
    return {
        "cancel": visit.may(Role.OPERATOR) and not run.state.ended,
        "retry": visit.may(Role.OPERATOR) and run.state.ended,
        "approve": held and decides and visit.who != run.who,
        "refuse": held and visit.may(Role.APPROVER) and (decides or visit.who == run.who),
    }


async def events(visit: Visit) -> Response:
    run = await run_in_threadpool(_run, visit)
    text = resumed_after(visit, "0")
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0  # noqa: PLR2004 # digits
    return stream(visit, _told(visit, run.id, after))


async def _told(visit: Visit, run: str, after: int) -> AsyncIterator[Message]:
    while True:
        state, found = await run_in_threadpool(_look, visit, run, after)
        if found:
            after = int(found[-1]["id"])
            html = visit.fragment("job_events.html", events=found)
            yield Message(html, "told", str(after))
        elif state.ended:
            yield Message(state.value, "ended", str(after))
            return
        await asyncio.sleep(_LOOK)


def _look(visit: Visit, run: str, after: int) -> tuple[RunState, list[Row]]:
    """The state first: what was told before it ended is seen then."""
    state = queue.get(visit.desk.database, run).state
    return state, events_after(visit.desk.database, run, after)


# ---- acts


def cancel(visit: Visit) -> Response:
    run = _run(visit)
    queue.cancel(visit.desk.database, run.id, visit.who)
    return visit.see(f"/jobs/{run.id}")


def retry(visit: Visit) -> Response:
    run = _run(visit)
    fresh = visit.desk.retry(run, visit.posted("before") or None, visit.who, find(run.kind))
    return visit.see(f"/jobs/{fresh.id}")


def approve(visit: Visit) -> Response:
    """RefusedError unless a second person agrees to exactly what was asked for."""
    run, approvers = _run(visit), visit.world.region.policies.approvers
    approvals.approve(visit.desk.database, run.id, visit.who, visit.posted("comment").strip(), approvers)
    return visit.see(f"/jobs/{run.id}")


def refuse(visit: Visit) -> Response:
    run, approvers = _run(visit), visit.world.region.policies.approvers
    approvals.refuse(visit.desk.database, run.id, visit.who, visit.posted("comment").strip(), approvers)
    return visit.see(f"/jobs/{run.id}")


_OPERATOR, _APPROVER = frozenset({Role.OPERATOR}), frozenset({Role.APPROVER})
PAGES = (
    Page("/jobs", "GET", STAFF, show, Nav(mark("Jobs"), Group.WORK, 10)),
    Page("/jobs/{run}", "GET", STAFF, one),
    Page("/jobs/{run}/events", "GET", STAFF, events, quiet=True),
    Page("/jobs/{run}/cancel", "POST", _OPERATOR, cancel),
    Page("/jobs/{run}/retry", "POST", _OPERATOR, retry),
    Page("/jobs/{run}/approve", "POST", _APPROVER, approve),
    Page("/jobs/{run}/refuse", "POST", _APPROVER, refuse),
)
