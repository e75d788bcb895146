"""Would the exchange start again as it runs? What runs is compared with a fresh boot of the release in force.

A file that Asterisk refuses leaves what was there before, so a fault can wait for the next power cut: this finds it in
the night before.
"""

from __future__ import annotations

from typing import Any

from ops.derive import pbx
from ops.errors import OpsError
from ops.jobs.voip_validate import told
from ops.progress import Event, State
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job
from ops.world import World


def _scope(world: World, _: Args) -> Scope:
    """No apply may change the exchange meanwhile."""
    hosts = tuple(server.name for server in pbx.exchanges(world.region))
    return Scope((), hosts, tuple(f"host:{host}" for host in hosts))


@job(
    "voip-check",
    "compare what the exchanges run with a fresh boot of the same release",
    scope=_scope,
    timeout=600.0,
    attempts=2,
)
def VOIP_CHECK(run: Inside) -> Verdict:
    found = {server.name: _one(run, server.name) for server in pbx.exchanges(run.world.region)}
    wrong = [f"{host}: {fault}" for host, one in found.items() for fault in one["faults"]]
    releases = {one.get("release") for one in found.values() if len(found) > 1}
    error = f"{len(wrong)} differences: {'; '.join(wrong[:3])}" if wrong else ""
    return Verdict(
        {"ok": not wrong, "exchanges": found, "releases": len(releases) or 1},
        OpsError(error, "ops voip validate, then ops plan: what is declared comes back with the next apply")
        if wrong
        else None,
    )


def _one(run: Inside, host: str) -> dict[str, Any]:
    """A host that can not be asked counts as one difference: nothing is known of it."""
    try:
        found = told(run.world, host, ("check",))
    except OpsError as error:
        found = {"faults": [error.what.removeprefix(f"{host}: ")]}
    faults = found["faults"]
    run.subject("host", host, "failed" if faults else "ok", "; ".join(faults[:3]))
    text = faults[0] if faults else f"release {found.get('release')}, {found.get('objects')} objects"
    text += f"; restart needed (ops voip restart): {found['restart'][0]}" if found.get("restart") else ""
    run.progress(Event("fresh boot", host, State.FAILED if faults else State.OK, text))
    return found
