"""Plan what the retention policy no longer keeps, show it, and remove exactly that later: at the DRC, on its disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from backup import door, layout, loopback, places, prune
from backup.layout import Item
from backup.prune import SHOWN, Order, Plan
from backup.restic import Repository, Restic, Secret
from ops.errors import OpsError, PartlyAppliedError
from ops.jobs.backup import chosen
from ops.progress import Event, State
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.world import World

VAULT = "/srv/restic"  # the vault's folder, as its role makes it


def _scope(world: World, args: Args) -> Scope:
    """No drill reads and no backup of ours writes meanwhile."""
    items = _items(world, args)
    recovery = world.region.recovery
    hosts = {recovery.vault.server, recovery.drills.server, *(item.set.server for item in items)}
    locks = tuple(f"host:{name}" for name in sorted(hosts))
    return Scope(tuple(sorted({item.opd.code for item in items})), (recovery.vault.server,), locks)


def _hold(world: World, args: Args) -> str:
    """Removing snapshots needs two people where the policy says so, and always when much would go."""
    if world.rehearsal or not args.get("plan"):
        return ""
    spots = places.of(world)
    plans = [prune.load(spots, str(one)) for one in args["plan"]]
    much = [f"{one.share:.0%} of {one.of}" for one in plans if one.needs_two]
    if much:
        return f"{', '.join(much)} would go"
    return "snapshots are removed" if "prune" in world.region.policies.second_person else ""


@job(
    "prune",
    "plan what retention no longer keeps; with plans, remove exactly that",
    scope=_scope,
    takes=("opd", "set", "plan"),
    timeout=12 * HOURS,
    hold=_hold,
    priority=7,
)
def PRUNE(run: Inside) -> Verdict:
    return _apply(run) if run.args.get("plan") else _plan(run)


def _plan(run: Inside) -> Verdict:
    """A plan for every set. One that cannot be looked at stops no other."""
    spots, made, failed = places.of(run.world), [], {}
    for item in chosen(run.world, run.args):
        try:
            policy = run.world.region.recovery.kept_of(item.set)
            told = prune.plan(spots, item, local(run.world, item), policy).told()
        except OpsError as error:
            failed[item.key] = run.scrub(error.what)
            continue
        made.append(told)
        why = told["refused"][0][1] if told["refused"] else f"{len(told['remove'])} snapshots, {told['share']:.1%}"
        run.progress(Event("plan", item.key, State.SKIPPED if told["refused"] else State.OK, why))
    wrong = PartlyAppliedError(f"no plan for {', '.join(failed)}: {next(iter(failed.values()))}") if failed else None
    return Verdict({"plans": made, "failed": failed}, wrong)


def _apply(run: Inside) -> Verdict:
    spots, done = places.of(run.world), []
    for plan_id in run.args["plan"]:
        made = prune.load(spots, str(plan_id))
        item = _item(run.world, made)
        restic = local(run.world, item)
        shown = 0.0 if run.world.rehearsal else SHOWN
        run.progress(Event("prune", item.key, State.RUNNING, f"{len(made.remove)} snapshots"))
        order = Order(made, run.world.region.recovery.kept_of(item.set), shown, run.who, run.step)
        with _alone(run.world, item, restic):
            done.append(prune.apply(spots, item, restic, order))
        run.subject("opd", item.opd.code, "changed", f"{item.set.name}: {len(made.remove)} snapshots removed")
        run.progress(Event("prune", item.key, State.CHANGED, f"{len(made.remove)} snapshots"))
    return Verdict({"pruned": done})


@contextmanager
def _alone(world: World, item: Item, restic: Restic) -> Iterator[None]:
    """No client reaches the repository meanwhile, and in the end its servers own all of it again."""
    with nullcontext() if world.loopback else door.closed(restic, item.key):
        try:
            yield
        finally:
            prune.owned_again(restic, restic.repository.url)


def local(world: World, item: Item) -> Restic:
    """restic on the vault's own disk: nobody removes anything over the network."""
    key = places.key_of(places.of(world), item)
    if world.loopback:
        return loopback.restic(world, item, key)
    password = Secret(world.secrets.get(layout.repository_secret(item.opd.code, item.set.name)))
    where = world.fleet.on(world.region.recovery.vault.server)
    return Restic(where, Repository(f"{VAULT}/{item.set.server}/{item.key}", password, key_hint=key))


def _items(world: World, args: Args) -> list[Item]:
    if not args.get("plan"):
        return chosen(world, args)
    spots = places.of(world)
    return [_item(world, prune.load(spots, str(one))) for one in args["plan"]]


def _item(world: World, made: Plan) -> Item:
    (found,) = layout.items(world.region, (), (made.of,))
    return found


def plans(world: World) -> list[dict[str, Any]]:
    """Every plan that is kept, the newest first."""
    spots = places.of(world)
    found = [prune.load(spots, path.stem) for path in (spots.state / "prunes").glob("*.json")]
    return [one.told() for one in sorted(found, key=lambda one: -one.made)]
