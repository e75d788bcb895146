"""Plans: the ones that `ops plan` and `ops provision --check` kept, to be read, asked for, and decided about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from starlette.responses import Response

from ops import reconcile
from ops.errors import OpsError, UsageError
from ops.jobs import provision_plan
from ops.jobs.registry import find
from ops.plan import gate
from ops.plan.change import REGION_SCOPE, Action, Change
from ops.plan.plan import Plan
from ops.plan.render import HIDDEN, diff
from ops.runs import history
from ops.runs.history import Filter
from ops.runs.model import Order, Run
from ops.texts import mark
from ops.web import wording
from ops.web.page import STAFF, Group, Nav, Page, Role
from ops.web.table import Column, table
from ops.web.visit import Visit
from ops.world import World

_CHECKSUM = re.compile(r"[0-9a-f]{12,64}")
_HOLD = "asked for from a page: a second person reads the plan and agrees"
_KINDS = {"offices": ("plans", mark("Offices' artefacts")), "machines": ("machine-plans", mark("Servers"))}


@dataclass(frozen=True)
class Shown:
    """A change as a page shows it. `lines`: what differs, each with its sign; `hidden` where it names secrets."""

    change: Change
    lines: Sequence[str]

    @property
    def hidden(self) -> bool:
        return list(self.lines) == [HIDDEN]


COLUMNS = (
    Column("made", mark("Made")),
    Column("kind", mark("Of what")),
    Column("count", mark("Changes"), number=True),
    Column("hosts", mark("Hosts"), number=True),
    Column("unread", mark("Not read"), number=True),
    Column("checksum", mark("Checksum")),
)


def show(visit: Visit) -> Response:
    rows = [row for kind in _KINDS for row in _kept(visit.world, kind)]
    shown = table(visit, COLUMNS, rows, "made", descending=True)
    if shown.wants_csv:
        return shown.csv("plans")
    return visit.render("plans.html", table=shown, kinds=_KINDS)


def _kept(world: World, kind: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted((world.state / _KINDS[kind][0]).glob("[0-9a-f]*.json")):
        try:
            found.append(_row(world, kind, path))
        except (OpsError, OSError, ValueError, KeyError):  # removed meanwhile, or not as it was written
            continue
    return found


def _row(world: World, kind: str, path: Path) -> dict[str, Any]:
    row = {"made": path.stat().st_mtime, "kind": kind, "checksum": path.stem}
    if kind == "machines":
        plan = provision_plan.take(world, path.stem)
        return {**row, "count": plan.count, "hosts": len(plan.changing), "unread": len(plan.unread)}
    offices = reconcile.reviewed(world, path.stem)
    return {**row, "count": len(offices.changes), "hosts": len(offices.hosts), "unread": len(offices.unread)}


def offices(visit: Visit) -> Response:
    plan = reconcile.reviewed(visit.world, _checksum(visit))
    names = {opd.code: opd.name for opd in visit.world.region.opds}
    groups = [
        (scope, names.get(scope, ""), [_shown(change) for change in changes])
        for scope, changes in groupby(plan.changes, key=lambda change: change.scope)
    ]
    counts = {action.value: plan.count(action) for action in Action}
    return visit.render(
        "plan.html", plan=plan, groups=groups, counts=counts, actions=wording.ACTIONS, whole=REGION_SCOPE,
        objections=gate.objections(plan, visit.world.region.policies), runs=_runs(visit, "apply", plan.checksum),
        states=wording.STATES,
    )  # fmt: skip


def _shown(change: Change) -> Shown:
    return Shown(change, diff(change, verbose=True))


def machines(visit: Visit) -> Response:
    plan = provision_plan.take(visit.world, _checksum(visit))
    return visit.render(
        "plan_machines.html", plan=plan, objections=provision_plan.objections(visit.world, plan),
        runs=_runs(visit, "provision", plan.checksum), states=wording.STATES,
    )  # fmt: skip


def _runs(visit: Visit, kind: str, checksum: str) -> list[Run]:
    """The runs that were asked for with this plan, newest first."""
    found = history.search(visit.desk.database, Filter(kind=kind, limit=200))
    return [run for run in found if checksum in {run.plan, run.args.get("checksum"), run.args.get("plan")}]


def ask(visit: Visit) -> Response:
    """Ask for exactly this plan to be applied. From a page it always needs a second person."""
    plan: Plan = reconcile.reviewed(visit.world, _checksum(visit))
    order = Order("apply", {"checksum": plan.checksum}, visit.who, _reason(visit), plan.checksum)
    return visit.see(f"/jobs/{visit.desk.ask(find('apply'), order, _HOLD).id}")


def ask_machines(visit: Visit) -> Response:
    plan = provision_plan.take(visit.world, _checksum(visit))
    order = Order("provision", {"plan": plan.checksum}, visit.who, _reason(visit), plan.checksum)
    return visit.see(f"/jobs/{visit.desk.ask(find('provision'), order, _HOLD).id}")


def _reason(visit: Visit) -> str:
    reason = visit.posted("reason").strip()
    if not reason:
        raise UsageError("it needs a reason", "it is recorded, and the second person reads it")
    return reason[:500]


def _checksum(visit: Visit) -> str:
    """UsageError for what is no checksum: it becomes a file's name."""
    text = visit.path("checksum").lower()
    if not _CHECKSUM.fullmatch(text):
        raise UsageError("that is no checksum of a plan", "Plans lists them")
    return text


_OPERATOR = frozenset({Role.OPERATOR})
PAGES = (
    Page("/plans", "GET", STAFF, show, Nav(mark("Plans"), Group.WORK, 20)),
    Page("/plans/{checksum}", "GET", STAFF, offices),
    Page("/plans/machines/{checksum}", "GET", STAFF, machines),
    Page("/plans/{checksum}/ask", "POST", _OPERATOR, ask),
    Page("/plans/machines/{checksum}/ask", "POST", _OPERATOR, ask_machines),
)
