"""Apply a plan that was reviewed: the offices' artefacts, exactly as shown."""

from __future__ import annotations

from typing import Any

from ops import reconcile
from ops.errors import PartlyAppliedError
from ops.jobs import drift_manifest, drift_routers
from ops.plan import gate
from ops.reconcile import Outcome
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job
from ops.world import World


def _scope(world: World, args: Args) -> Scope:
    """Every machine that the plan changes; and no other apply at the same time."""
    plan = reconcile.reviewed(world, str(args["checksum"]))
    hosts = tuple(sorted({change.host for change in plan.changes}))
    codes = {opd.code for opd in world.region.opds}
    opds = tuple(sorted({change.scope for change in plan.changes} & codes))
    return Scope(opds, hosts, ("apply", *(f"host:{name}" for name in hosts)))


def _hold(world: World, args: Args) -> str:
    """A plan beyond the gate's limits needs two people at the regency itself; a twin is there to be tried on."""
    if world.rehearsal:
        return ""
    plan, policies = reconcile.reviewed(world, str(args["checksum"])), world.region.policies
    against = gate.objections(plan, policies) if "gate" in policies.second_person else []
    return f"the gate holds this plan back: {against[0]}" if against else ""


@job(
    "apply",
    "apply exactly the plan with this checksum",
    scope=_scope,
    takes=("checksum",),
    hold=_hold,
    changes=True,
    priority=2,
)
def APPLY(run: Inside) -> Verdict:
    return run.part("apply", lambda: _applied(run))


def _applied(run: Inside) -> Verdict:
    outcome = reconcile.apply(run.world, str(run.args["checksum"]), run.reason, run.progress, resumed=run.again)
    drift_manifest.keep_applied(run.world, outcome, run.id, run.progress)
    drift_routers.accept_now(run.world, {result.change.host for result in outcome.results}, run.progress)
    for scope, host in sorted({(result.change.scope, result.change.host) for result in outcome.results}):
        errors = [r.error for r in outcome.results if (r.change.scope, r.change.host) == (scope, host) and r.error]
        state, text = ("failed", errors[0]) if errors else ("changed", "")
        run.subject("host", host, state, text)
        if scope in {opd.code for opd in run.world.region.opds}:
            run.subject("opd", scope, state, text)
    return Verdict(_told(outcome), _error(outcome))


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "checksum": outcome.plan.checksum,
        "results": [
            {
                "scope": result.change.scope, "host": result.change.host, "kind": result.change.kind,
                "key": result.change.key, "action": result.change.action, "error": result.error,
            }
            for result in outcome.results
        ],
        "unread": dict(outcome.plan.unread),
    }  # fmt: skip


def _error(outcome: Outcome) -> PartlyAppliedError | None:
    if outcome.failed:
        hosts = sorted({result.change.host for result in outcome.failed})
        return PartlyAppliedError(f"failed on {', '.join(hosts)}; everything else was applied")
    if unread := outcome.plan.unread:
        reasons = {why: [host for host in unread if unread[host] == why] for why in unread.values()}
        left = "; ".join(f"{', '.join(hosts)} ({why})" for why, hosts in reasons.items())
        return PartlyAppliedError(f"all of the plan was applied; left out, for they could not be read: {left}")
    return None
