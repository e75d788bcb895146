"""What differs now: from the declarations (a plan that nobody is asked to apply), and from what the last runs left.

The first sees what a plan sees: the queues on routers and the files that the suite places on servers. The second is
`ops.jobs.drift_sweep`: files, units, packages, accounts, settings, ports and firewalls of the servers. The third,
`ops.jobs.drift_routers`, compares kept configurations of routers with the accepted ones.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops.errors import ChangesPendingError, OpsError, PartlyAppliedError
from ops.jobs import drift_routers
from ops.jobs.drift_note import forget, note
from ops.jobs.drift_routers import Reconfigured
from ops.jobs.drift_sweep import CLEAN, Swept, accepted, servers, sweep
from ops.jobs.provision import _booted as booted
from ops.plan.change import Change
from ops.plan.render import diff
from ops.progress import Event, Progress, State, silent
from ops.reconcile import compare
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job, named
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
    return Scope(named(args, "opd") or tuple(opd.code for opd in world.region.opds))


@job(
    "drift",
    "compare what is there with what is declared and with what the last runs left",
    scope=_scope,
    takes=("opd", "host", "accept"),
    timeout=HOURS,
    priority=7,
)
def DRIFT(run: Inside) -> Verdict:
    opds, asked = named(run.args, "opd"), named(run.args, "host")
    routers = {router.name for opd in run.world.region.opds for router in opd.routers}
    ours = tuple(name for name in asked if name not in routers)
    if run.args.get("accept"):
        drift_routers.accept_kept(run.world, routers.intersection(asked) if asked else routers)
        accepted(run.world, servers(run.world, (), ours) if ours or not asked else (), run.progress)
    none = run.world.loopback or (asked and not ours)
    found = Found(
        None if asked else drift(run.world, opds, run.progress),
        () if none else tuple(swept_now(run.world, opds, ours, run.progress)),
        tuple(one for one in drift_routers.look(run.world, opds) if not asked or one.router in asked),
    )
    _subjects(run, found, opds)
    if found.declared:
        _routers(run.world, found, found.declared)
    return Verdict(found.as_dict(), found.error)


@dataclass(frozen=True)
class Found:
    """All that was looked for: the plan (not when hosts are named), the sweep of servers, routers' configurations."""

    declared: DriftResult | None
    swept: tuple[Swept, ...]
    routers: tuple[Reconfigured, ...]

    def differ(self, opd: str) -> int:
        """How many things of an office differ."""
        changes = self.declared.by_office().get(opd, {}) if self.declared else {}
        items = sum(item.scope == opd for one in self.swept for item in one.items)
        return sum(map(len, changes.values())) + items + sum(one.opd == opd for one in self.routers)

    @property
    def error(self) -> OpsError | None:
        """ChangesPendingError when anything differs; PartlyAppliedError when some are only unknown."""
        items, changes = sum(len(one.items) for one in self.swept), self.declared.changes if self.declared else ()
        parts = [f"{items} items on servers are not as they were left"] if items else []
        parts += [f"{len(changes)} artefacts are not as declared"] if changes else []
        parts += [f"{len(self.routers)} routers have another configuration"] if self.routers else []
        silent_ones = {one.host for one in self.swept if one.why} | set(self.declared.unread if self.declared else ())
        unread = f"; unknown: {', '.join(sorted(silent_ones))}" if silent_ones else ""
        if parts:
            step = "ops drift repair shows what can be put right" if items else "ops plan shows them"
            step = step if items or changes else "look at it, then put it back, or ops drift accept"
            return ChangesPendingError(" and ".join(parts) + unread, step)
        if silent_ones:
            return PartlyAppliedError(f"nothing differs, but not all is known{unread}", "look at the reasons above")
        return None

    def as_dict(self) -> dict[str, Any]:
        told = self.declared.as_dict() if self.declared else {"changes": 0, "clean": True}
        hosts = {one.host: {**one.as_dict(), "repair": one.repair} for one in self.swept}
        routers = [one.as_dict() for one in self.routers]
        return {**told, "clean": told["clean"] and self.error is None, "hosts": hosts, "routers": routers}


def swept_now(world: World, opds: Sequence[str], hosts: Sequence[str], progress: Progress) -> list[Swept]:
    """The sweep of the servers meant; of some offices only what is theirs."""
    asked = servers(world, opds, hosts)
    there = booted(world, set(asked))
    found = sweep(world, [name for name in asked if name in there], progress)
    return [one.of(opds) for one in found] if opds else found


def _subjects(run: Inside, found: Found, opds: Sequence[str]) -> None:
    for one in found.swept:
        run.subject("host", one.host, "ok" if one.state == CLEAN else "failed", one.why or f"{len(one.items)} differ")
    for router in found.routers:
        run.subject("host", router.router, "failed", router.because)
    for opd in run.world.region.opds if found.declared else ():
        if not opds or opd.code in opds:
            differ = found.differ(opd.code)
            run.subject("opd", opd.code, "failed" if differ else "ok", f"{differ} differ" if differ else "")


def _routers(world: World, found: Found, declared: DriftResult) -> None:
    """For metrics: what differs on routers, and which of them did not answer. All of them or, with offices, theirs."""
    by_office, reconfigured = declared.by_office(), {one.router for one in found.routers}
    known = [server.name for server in world.region.servers]
    for opd in world.region.opds:
        known += [router.name for router in opd.routers]
        for router in opd.routers if not declared.opds or opd.code in declared.opds else ():
            differ = len(by_office.get(opd.code, {}).get(router.name, ())) + (router.name in reconfigured)
            note(world, router.name, {opd.code: differ}, router.name in declared.unread)
    forget(world, known)


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
