"""Settings of the offices' routers: look what differs from the declarations, or make it so (`do=apply`)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from ops.errors import PartlyAppliedError, UsageError
from ops.inventory.model import Opd, Router
from ops.jobs.config_backup import routers
from ops.progress import Event, State
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job, named
from ops.targets import router_settings
from ops.targets.router_settings import Settled
from ops.world import World

STEP = "router settings"
LOOK, APPLY = "look", "apply"


def _scope(world: World, args: Args) -> Scope:
    if args.get("do", LOOK) not in {LOOK, APPLY}:
        raise UsageError(f"do={args['do']}: no such thing", f"{LOOK} (changes nothing) or {APPLY}")
    asked = _asked(world, args)
    hosts = tuple(sorted(router.name for _, router in asked))
    return Scope(tuple(sorted({opd.code for opd, _ in asked})), hosts, tuple(f"host:{name}" for name in hosts))


@job(
    "router-settings",
    "descriptions, SNMP, syslog and backup user of the offices' routers: what differs, or make it so",
    scope=_scope,
    takes=("opd", "do", "syslog", "backup_user"),
    timeout=HOURS,
    changes=True,
)
def ROUTER_SETTINGS(run: Inside) -> Verdict:
    act = router_settings.settle if run.args.get("do") == APPLY else router_settings.look
    named = (str(run.args.get("syslog", "")), str(run.args.get("backup_user", "")))

    def one(asked: tuple[Opd, Router]) -> Settled:
        found = act(run.world, *asked, router_settings.wishes(run.world, *asked, *named))
        _tell(run, found)
        return found

    with ThreadPoolExecutor(router_settings.AT_ONCE, initializer=run.world.enter) as pool:
        done = list(pool.map(one, _asked(run.world, run.args)))
    failed = [found.router for found in done if found.error]
    error = PartlyAppliedError(f"not as declared: {', '.join(failed)}", "mend them, then try again") if failed else None
    return Verdict({"routers": [asdict(found) for found in done]}, error)


def _tell(run: Inside, found: Settled) -> None:
    state = State.FAILED if found.error else State.CHANGED if found.changed else State.OK
    words = found.error or "; ".join(found.differs) or "as declared"
    run.progress(Event(STEP, found.router, state, words))
    run.subject("host", found.router, {State.FAILED: "failed", State.CHANGED: "changed"}.get(state, "ok"), found.error)


def _asked(world: World, args: Args) -> list[tuple[Opd, Router]]:
    return routers(world, named(args, "opd"))
