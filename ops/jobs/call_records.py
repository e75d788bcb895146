"""Who called whom, on every exchange: brought to its age, so that nothing is kept longer than the law allows."""

from __future__ import annotations

from typing import Any

from ops.derive import pbx
from ops.errors import HostFailedError, PartlyAppliedError
from ops.progress import Event, State
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job
from ops.system import call_records
from ops.system.hostpython import Call, call
from ops.world import World

FOLDER = "/var/log/asterisk/cdr-csv"
FULL_DAYS, KEPT_DAYS = 90.0, 5 * 366.0
STEP = "call records"


def _scope(world: World, _: Args) -> Scope:
    hosts = tuple(server.name for server in pbx.exchanges(world.region))
    return Scope((), hosts, tuple(f"call-records:{host}" for host in hosts))


@job(
    "call-records",
    "mask and forget the exchanges' records of who called whom, by their age",
    scope=_scope,
    timeout=900.0,
    attempts=2,
)
def CALL_RECORDS(run: Inside) -> Verdict:
    found: dict[str, Any] = {}
    failed: list[str] = []
    for server in pbx.exchanges(run.world.region):
        given = {"folder": FOLDER, "full_days": FULL_DAYS, "kept_days": KEPT_DAYS}
        try:
            found[server.name] = call(
                run.world.fleet.on(server.name), Call([call_records], "keep", given, timeout=600.0)
            )
        except HostFailedError as error:
            failed.append(error.what)
            run.subject("host", server.name, "failed", error.what)
            run.progress(Event(STEP, server.name, State.FAILED, error.what))
            continue
        one = found[server.name]
        run.subject("host", server.name, "changed" if one["new"] or one["gone"] else "ok")
        text = f"{one['kept']} kept, {one['masked']} of them masked, {one['gone']} gone"
        run.progress(Event(STEP, server.name, State.OK, text))
    wrong = PartlyAppliedError(f"{len(failed)} exchanges not reached: {failed[0]}") if failed else None
    return Verdict({"exchanges": found, "failed": failed}, wrong)
