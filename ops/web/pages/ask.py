"""Ask for a job: backup, drill, drift, test call. The page only enqueues; workers do it, as for everybody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from ops.errors import UsageError
from ops.inventory.model import Region
from ops.jobs.registry import find
from ops.runs.model import Order
from ops.texts import mark
from ops.web.page import Group, Nav, Page, Role
from ops.web.visit import Visit

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Offered:
    """A kind of job that may be asked for here. `args`: what a form says, as the job takes it."""

    kind: str
    help: str
    args: Callable[[Visit], dict[str, Any]]


def sets(region: Region) -> dict[str, list[str]]:
    """Backup sets by office that has any."""
    return {opd.code: [one.name for one in opd.backup] for opd in region.opds if opd.backup}


def callable_opds(region: Region) -> list[str]:
    return [opd.code for opd in region.opds if opd.phones]


def _of_sets(visit: Visit) -> dict[str, Any]:
    return _chosen(visit, {"opd": sets(visit.world.region)})


def _of_opds(visit: Visit) -> dict[str, Any]:
    return _chosen(visit, {"opd": [opd.code for opd in visit.world.region.opds]})


def _chosen(visit: Visit, known: Mapping[str, Any]) -> dict[str, Any]:
    """What was ticked; nothing ticked is all. UsageError for what is not declared."""
    found = {}
    for name, names in known.items():
        ticked = [one for one in visit.form.get(name, ()) if one]
        if unknown := sorted(set(ticked) - set(names)):
            raise UsageError(f"{unknown[0][:40]!r} is not declared", "reload the page")
        if ticked:
            found[name] = sorted(set(ticked))
    return found


def _call(visit: Visit) -> dict[str, Any]:
    ends = {name: visit.posted(name) for name in ("from_opd", "to_opd")}
    if not any(ends.values()):
        return {}
    known = callable_opds(visit.world.region)
    if not all(end in known for end in ends.values()) or ends["from_opd"] == ends["to_opd"]:
        raise UsageError("a call needs two different offices with telephones", "choose both, or none for all offices")
    return dict(ends)


OFFERED = {
    one.kind: one
    for one in (
        Offered("backup", mark("Back the declared sets up now, beside what the calendar does."), _of_sets),
        Offered("drill", mark("Restore the declared sets into an empty place and prove that all is there."), _of_sets),
        Offered("drift", mark("Compare what is there with what is declared and what the last runs left."), _of_opds),
        Offered("call-test", mark("Place a real call and measure how well it is heard."), _call),
    )
}


def show(visit: Visit) -> Response:
    region = visit.world.region
    return visit.render("ask.html", offered=OFFERED.values(), sets=sets(region), callable=callable_opds(region))


def ask(visit: Visit) -> Response:
    """Enqueue it; a job that needs a second person is held."""
    offered = OFFERED.get(visit.path("kind"))
    if offered is None:
        raise UsageError("this job is not asked for here", "the command line knows them all")
    order = Order(offered.kind, offered.args(visit), visit.who, visit.posted("reason").strip()[:_LONGEST_REASON])
    return visit.see(f"/jobs/{visit.desk.ask(find(offered.kind), order).id}")


_OPERATOR = frozenset({Role.OPERATOR})
PAGES = (
    Page("/ask", "GET", _OPERATOR, show, Nav(mark("Ask for a job"), Group.WORK, 30)),
    Page("/ask/{kind}", "POST", _OPERATOR, ask),
)
