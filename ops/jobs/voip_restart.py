"""Start an exchange anew, for what a reload does not change: its transports. At a moment without a call."""

from __future__ import annotations

from typing import Any

from ops.derive import pbx
from ops.errors import OpsError, PartlyAppliedError
from ops.jobs.voip_validate import told
from ops.progress import Event, State
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job
from ops.world import World

WAIT = 600.0  # seconds for a moment without a call, of each exchange
STEP = "restart"


def _scope(world: World, _: Args) -> Scope:
    hosts = tuple(server.name for server in pbx.exchanges(world.region))
    return Scope((), hosts, tuple(f"host:{host}" for host in hosts))


@job(
    "voip-restart",
    "start the exchanges anew where a changed transport waits for it, at a moment without a call",
    scope=_scope,
    takes=("now",),
    timeout=3600.0,
    changes=True,
)
def VOIP_RESTART(run: Inside) -> Verdict:
    """`now`: calls that are up end. One after another, so that telephones always find an exchange."""
    found: dict[str, Any] = {}
    failed: list[str] = []
    for server in pbx.exchanges(run.world.region):
        host = server.name
        try:
            found[host] = run.step(f"restart {host}", lambda host=host: _one(run, host))  # type: ignore[misc] # mypy and a default
        except OpsError as error:
            failed.append(error.what)
            run.subject("host", host, "failed", error.what)
            run.progress(Event(STEP, host, State.FAILED, error.what))
    wrong = PartlyAppliedError(f"{len(failed)} exchanges not restarted: {failed[0]}") if failed else None
    return Verdict({"exchanges": found, "failed": failed}, wrong)


def _one(run: Inside, host: str) -> dict[str, Any]:
    left = told(run.world, host, ("status",)).get("restart", [])
    if not left:
        run.subject("host", host, "ok", "nothing waits for a restart")
        run.progress(Event(STEP, host, State.OK, "nothing waits for a restart"))
        return {"restarted": False}
    seconds = 0.0 if run.args.get("now") else WAIT
    done = told(run.world, host, ("restart", f"{seconds:g}"), seconds=WAIT + 180)
    if done["faults"] or done["restart"]:
        raise OpsError(f"{host}: after its restart {[*done['faults'], *done['restart']][0]}", "ops voip check")
    run.subject("host", host, "changed", left[0])
    run.progress(Event(STEP, host, State.CHANGED, f"{left[0]}; {done['calls']} channels were up"))
    return {"restarted": True, "held": left, "calls": done["calls"]}
