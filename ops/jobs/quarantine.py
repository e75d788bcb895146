"""Move a foreign file out of a repository: look and make a plan; with the plan, move exactly that. Never a deletion."""

from __future__ import annotations

from backup import attic, layout, loopback, places
from backup.layout import Item
from ops.jobs.prune import VAULT, local
from ops.progress import Event, State
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.world import World


def _scope(world: World, args: Args) -> Scope:
    """No drill reads and nothing of ours writes at the vault meanwhile."""
    item, recovery = _item(world, args), world.region.recovery
    hosts = sorted({recovery.vault.server, recovery.drills.server, item.set.server})
    return Scope((item.opd.code,), (recovery.vault.server,), tuple(f"host:{name}" for name in hosts))


def _hold(world: World, args: Args) -> str:
    """It takes something out of a repository, as a prune does: two people where the policy says so."""
    if world.rehearsal or not args.get("plan") or "prune" not in world.region.policies.second_person:
        return ""
    made = attic.load(places.of(world), str(args["plan"]))
    return f"{made.file[:30]} is moved out of the repository of {made.of}"


@job(
    "quarantine",
    "plan to move a foreign file out of a repository; with the plan, move exactly that",
    scope=_scope,
    takes=("set", "file", "plan"),
    timeout=1 * HOURS,
    hold=_hold,
    priority=7,
)
def QUARANTINE(run: Inside) -> Verdict:
    spots, item = places.of(run.world), _item(run.world, run.args)
    restic = local(run.world, item)
    if not run.args.get("plan"):
        made = attic.plan(spots, item, restic, str(run.args["file"]), folder(run.world, item))
        run.progress(Event("plan", item.key, State.OK, f"{made.file[:30]}: {made.why}"))
        return Verdict({"plan": made.told()})
    line = attic.apply(spots, item, restic, attic.load(spots, str(run.args["plan"])), run.who)
    run.subject("opd", item.opd.code, "changed", f"{item.set.name}: {line['file'][:30]} moved to {line['to']}")
    run.progress(Event("quarantine", item.key, State.CHANGED, f"{line['file'][:30]} → {line['to']}"))
    return Verdict({"moved": line})


def folder(world: World, item: Item) -> str:
    """Where a set's foreign files are kept at the vault: outside of what its servers serve."""
    above = f"{world.state / loopback.VAULT}-attic" if world.loopback else f"{VAULT}-attic"
    return f"{above}/{item.set.server}/{item.key}"


def _item(world: World, args: Args) -> Item:
    of = attic.load(places.of(world), str(args["plan"])).of if args.get("plan") else str(args["set"])
    return layout.items(world.region, (), (of,))[0]
