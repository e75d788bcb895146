"""Back sets up, and tell which services have a backup and how old it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from backup import keys, layout, places
from backup.coverage import Coverage as Services
from backup.coverage import of
from backup.layout import Item
from backup.take import BackupResult, take
from backup.underway import listener
from ops.errors import OpsError, PartlyAppliedError
from ops.inventory.rules.backup_times import EVERY
from ops.jobs.keys import look_for_strangers
from ops.progress import Event, Progress, State, silent
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Keep, Scope, Verdict, at_once, job, named
from ops.system import hostpython, threads
from ops.world import World

AT_ONCE = 4  # sets at a time
PER_HOST = 2  # of them on one source host, which has its own work to do


def chosen(world: World, args: Args) -> list[Item]:
    """The sets that a job's arguments `opd` and `set` name, all when they name none; with `only: due` without those
    whose newest backup is younger than their `schedule` asks for.
    """
    found = layout.items(world.region, named(args, "opd"), named(args, "set"))
    if args.get("only") != "due":
        return found
    newest = {line["of"]: float(line["taken"]) for line in places.of(world).ledger.read() if line["event"] == "backup"}
    return [item for item in found if due(item, newest.get(item.key), time.time())]


def due(item: Item, taken: float | None, now: float) -> bool:
    """Whether a set whose newest backup was taken then (epoch seconds) is to be backed up again by its schedule.

    A tenth of the time before: last night's run may have begun a few minutes later than tonight's.
    """
    return taken is None or not 0 <= now - taken < 0.9 * EVERY[item.set.schedule]


def _scope(world: World, args: Args) -> Scope:
    """A source host has one run at a time: what is being changed is not backed up, and the other way round."""
    items = layout.items(world.region, named(args, "opd"), named(args, "set"))  # also those that are due by then
    hosts = tuple(sorted({item.set.server for item in items}))
    return Scope(tuple(sorted({item.opd.code for item in items})), hosts, tuple(f"host:{name}" for name in hosts))


@job(
    "backup",
    "back declared sets up to the vault",
    scope=_scope,
    takes=("opd", "set", "only"),
    timeout=12 * HOURS,
    attempts=2,
    priority=4,
)
def BACKUP(run: Inside) -> Verdict:
    done = run_sets(run.world, chosen(run.world, run.args), run.progress, run.step)
    for result in done:
        state = "changed" if result.ok else "failed"
        run.subject("opd", result.opd, state, result.error or f"{result.set}: {result.bytes} bytes")
    look_for_strangers(run.world, run.progress)
    failed = [result for result in done if not result.ok]
    names = ", ".join(f"{result.opd}.{result.set}" for result in failed)
    steps = "; ".join(sorted({result.next_step for result in failed if result.next_step}))
    error = PartlyAppliedError(f"no backup of {names}", steps) if failed else None
    return Verdict({"sets": [{**asdict(result), "ok": result.ok} for result in done]}, error)


def run_sets(
    world: World, sets: Sequence[Item], progress: Progress = silent, keep: Keep = at_once
) -> list[BackupResult]:
    """Back the given sets up. One that fails never stops the others; its result says why. `keep`: makes checkpoints."""
    spots = places.of(world)
    lanes: dict[tuple[str, int], list[Item]] = {}
    for number, item in enumerate(sorted(sets, key=lambda item: item.set.server)):
        lanes.setdefault((item.set.server, number % PER_HOST), []).append(item)

    def all_of(items: list[Item]) -> list[BackupResult]:
        world.enter()
        return [_one(spots, item, world, progress, keep) for item in items]

    with threads.pool(AT_ONCE) as pool:
        done = [result for results in pool.map(all_of, lanes.values()) for result in results]
    return sorted(done, key=lambda result: (result.opd, result.set))


def _one(spots: places.Places, item: Item, world: World, progress: Progress, keep: Keep) -> BackupResult:
    progress(Event("back up", item.key, State.RUNNING, f"{item.set.kind} {item.set.source} on {item.set.server}"))
    try:
        places.check(world, item)
        with hostpython.heard(listener(progress, "back up", item.key)):
            result = BackupResult(**keep(f"back up {item.key}", lambda: asdict(take(spots, item))))
        _keyed(spots, item, world, progress)
    except OpsError as error:
        what = world.secrets.scrub(error.what)
        progress(Event("back up", item.key, State.FAILED, what))
        return BackupResult(item.opd.code, item.set.name, item.set.server, error=what, next_step=error.next_step)
    figures = ", ".join(f"{value} {name}" for name, value in result.counts.items())
    progress(Event("back up", item.key, State.CHANGED, f"{figures}; {result.added} bytes new; {result.seconds:.1f} s"))
    return result


def _keyed(spots: places.Places, item: Item, world: World, progress: Progress) -> None:
    """A new repository gets the drills' and the escrow's key. That it could not be done makes no backup worse."""
    try:
        added = keys.register(spots, item, world.secrets)
    except OpsError as error:
        what = f"no key added: {world.secrets.scrub(error.what)}; ops backup keys register"
        progress(Event("keys", item.key, State.FAILED, what))
    else:
        if added:
            progress(Event("keys", item.key, State.CHANGED, f"registered: {', '.join(added)}"))


@dataclass(frozen=True)
class Age:
    """One declared set and its newest counted backup. Spans in seconds; `age` is None when there is none."""

    key: str
    kind: str
    server: str
    rpo: float
    age: float | None
    bytes: int
    counted: int  # backups that the ledger holds

    @property
    def late(self) -> bool:
        """Also when it was taken in the future: then some clock was wrong, and nobody knows how old it is."""
        return self.age is None or not 0 <= self.age <= self.rpo


@dataclass(frozen=True)
class Coverage:
    """Who is protected. `without`: code → why not (a signed decision, or nothing)."""

    offices: int
    with_backup: tuple[str, ...]
    without: dict[str, str]
    sets: tuple[Age, ...]


def services(world: World) -> Services:
    """Every declared service: which have a backup and a green drill, the rest by name and with the reason."""
    return of(places.of(world), world.region)


def coverage(world: World) -> Coverage:
    """Offices with a backup that was really taken and is within its RPO, and the rest by name."""
    taken = [line for line in places.of(world).ledger.read() if line["event"] == "backup"]
    now = time.time()
    ages = tuple(
        _age(item, [line for line in taken if line["of"] == item.key], now) for item in layout.items(world.region)
    )
    late = {age.key.partition(".")[0] for age in ages if age.late}
    without = {}
    for opd in world.region.opds:
        if not opd.backup:
            decided = opd.no_backup
            signed = f"decided by {decided.signed_by} until {decided.until}: {decided.reason}" if decided else ""
            without[opd.code] = signed or "no backup set is declared"
        elif opd.code in late:
            without[opd.code] = ", ".join(
                _lateness(age) for age in ages if age.key.startswith(f"{opd.code}.") and age.late
            )
    covered = tuple(opd.code for opd in world.region.opds if opd.code not in without)
    return Coverage(len(world.region.opds), covered, without, ages)


def _age(item: Item, taken: list[dict[str, object]], now: float) -> Age:
    newest = taken[-1] if taken else None
    age = now - float(str(newest["taken"])) if newest else None
    size = int(str(newest["bytes"])) if newest else 0
    return Age(item.key, item.set.kind, item.set.server, item.set.rpo, age, size, len(taken))


def _lateness(age: Age) -> str:
    name = age.key.partition(".")[2]
    if age.age is None:
        return f"{name} was never backed up"
    return f"{name} is {age.age / 3600:.1f} h old" if age.age >= 0 else f"{name} was taken in the future"
