"""What differs from the declarations now: a plan that nobody is asked to apply.

It sees what a plan sees: the queues on routers and the files that the suite places on servers. What else was changed on
a server by hand (packages, units, users, settings of the roles) needs the deep sweep of issue 4.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops.errors import ChangesPendingError
from ops.plan.change import Change
from ops.plan.render import diff
from ops.progress import Event, Progress, State, silent
from ops.reconcile import compare
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.world import World

STEP = "drift"


@dataclass(frozen=True)
class DriftResult:
    """`at`: epoch seconds · `checked`: how many artefacts were found · `unread`: hosts of which nothing is known."""

    at: float
    checksum: str
    checked: int
    changes: tuple[Change, ...]
    unread: dict[str, str]
    opds: tuple[str, ...] = ()  # limited to these offices; empty for all

    @property
    def clean(self) -> bool:
        """Nothing differs, and everybody answered."""
        return not self.changes and not self.unread

    def by_office(self) -> dict[str, dict[str, list[Change]]]:
        """Office code (`_region` for what belongs to all) → host → what differs there."""
        found: dict[str, dict[str, list[Change]]] = {}
        for change in self.changes:
            found.setdefault(change.scope, {}).setdefault(change.host, []).append(change)
        return found

    def summary(self) -> dict[str, Any]:
        """For journals and reports: how many changes by office and host, without what they are."""
        offices = {
            code: {host: len(changes) for host, changes in hosts.items()} for code, hosts in self.by_office().items()
        }
        return {
            "at": self.at,
            "checksum": self.checksum,
            "opds": list(self.opds),
            "checked": self.checked,
            "changes": len(self.changes),
            "offices": offices,
            "unread": self.unread,
            "clean": self.clean,
        }

    def as_dict(self) -> dict[str, Any]:
        """All of it, with the lines that differ; never a line of a content that names secrets."""
        return self.summary() | {"differences": [_told(change) for change in self.changes]}


def _scope(world: World, args: Args) -> Scope:
    return Scope(tuple(args.get("opd", ())) or tuple(opd.code for opd in world.region.opds))


@job("drift", "compare what is there with what is declared", scope=_scope, takes=("opd",), timeout=HOURS, priority=7)
def DRIFT(run: Inside) -> Verdict:
    found = drift(run.world, tuple(run.args.get("opd", ())), run.progress)
    offices = found.by_office()
    for opd in run.world.region.opds:
        differ = sum(len(changes) for changes in offices.get(opd.code, {}).values())
        if not found.opds or opd.code in found.opds:
            run.subject("opd", opd.code, "failed" if differ else "ok", f"{differ} differ" if differ else "")
    unread = f"; no answer from {', '.join(sorted(found.unread))}" if found.unread else ""
    what = f"{len(found.changes)} artefacts are not as declared{unread}"
    error = None if found.clean else ChangesPendingError(what, "ops plan shows them")
    return Verdict(found.as_dict(), error)


def drift(world: World, opds: Sequence[str] = (), progress: Progress = silent) -> DriftResult:
    """Read every place and compare. Writes nothing to any host, and keeps no plan that could be applied.

    UsageError for an unknown office. Of hosts in `unread` nothing is known, good or bad.
    Only a secret that a declaration names for the first time is made, as a plan does, in order to compare.
    """
    plan = compare(world, opds, progress)
    unread = {host: why for host, why in plan.unread.items() if host not in _others(world, opds)}
    found = DriftResult(time.time(), plan.checksum, sum(plan.existing.values()), plan.changes, unread, plan.opds)
    for code, hosts in found.by_office().items():
        for host, changes in hosts.items():
            progress(Event(STEP, host, State.CHANGED, f"{code}: {len(changes)} differ, first {_named(changes[0])}"))
    for host, why in unread.items():
        progress(Event(STEP, host, State.FAILED, why))
    return found


def _others(world: World, opds: Sequence[str]) -> set[str]:
    """Routers of offices that were not asked about."""
    return {router.name for opd in world.region.opds if opds and opd.code not in opds for router in opd.routers}


def _named(change: Change) -> str:
    return f"{change.action} {change.kind} {change.key.partition('/')[2]} ({change.because})"


def _told(change: Change) -> dict[str, Any]:
    return {
        "opd": change.scope,
        "host": change.host,
        "kind": change.kind,
        "key": change.key,
        "action": change.action.value,
        "because": change.because,
        "lines": diff(change),
    }
