"""The story in one page: load → derive → read → plan → gate → apply. Jobs (`ops.jobs`) run it and keep its history."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import ops.derive
import ops.targets
from ops.errors import OpsError, RefusedError, UsageError
from ops.inventory.model import Region
from ops.plan import gate
from ops.plan.change import Artifact, Change, Result
from ops.plan.plan import Plan, beyond, build, differences, dump
from ops.plan.plan import load as load_plan
from ops.progress import Event, Progress, State, silent
from ops.targets.contract import Applier, Reading, Target
from ops.world import World

_SHORTEST_CHECKSUM = 12
KEPT_PLANS = 50


@dataclass(frozen=True)
class Outcome:
    """What an apply did: one result per change of the plan, and the hosts that failed."""

    plan: Plan
    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.error)


def derive(region: Region) -> list[Artifact]:
    """Everything that follows from the declarations, in a fixed order."""
    modules = [
        importlib.import_module(f"ops.derive.{found.name}") for found in pkgutil.iter_modules(ops.derive.__path__)
    ]
    artifacts = [artifact for module in modules for artifact in module.artifacts(region)]
    return sorted(artifacts, key=lambda artifact: (artifact.kind, artifact.key))


def targets() -> dict[str, Target]:
    """Every kind of place, by kind: a module of ops/targets that exports TARGET."""
    modules = [
        importlib.import_module(f"ops.targets.{found.name}") for found in pkgutil.iter_modules(ops.targets.__path__)
    ]
    known: list[Target] = [module.TARGET for module in modules if hasattr(module, "TARGET")]
    return {target.kind: target for target in known}


def plan(world: World, opds: Sequence[str] = (), progress: Progress = silent) -> Plan:
    """Load, derive, read, compare; and keep the plan, so that `apply` knows what was shown."""
    made = compare(world, opds, progress)
    folder = world.state / "plans"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(folder / f"{made.checksum}.json", json.dumps(dump(made)))
    by_age = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for old in by_age[:-KEPT_PLANS]:
        old.unlink(missing_ok=True)
    return made


def compare(world: World, opds: Sequence[str], progress: Progress) -> Plan:
    """What a plan would be now; it is not kept, so nobody can apply it."""
    _known(world.region, opds)
    wanted = derive(world.region)
    progress(Event("derive", "", State.OK, f"{len(wanted)} artefacts of {len(world.region.opds)} offices"))
    world.secrets.make_all([artifact.content for artifact in wanted])
    readings = _read(world, wanted, opds, progress)
    unread = {host: why for reading in readings.values() for host, why in reading.failed.items()}
    found = {kind: reading.contents for kind, reading in readings.items()}
    return build(wanted, found, unread, opds)


def apply(world: World, checksum: str, reason: str = "", progress: Progress = silent, resumed: bool = False) -> Outcome:
    """Apply exactly the plan that was shown under `checksum`.

    RefusedError when the world or the declarations have moved on since, or when the gate objects and no reason is
    given. Hosts that went away since then fail alone, in the outcome. `resumed`: an earlier attempt may have done a
    part of it; what is left must be a part of what was shown. Run it as the job `apply`: only one works on a world.
    """
    shown = reviewed(world, checksum)
    now = compare(world, shown.opds, progress)
    moved = beyond(shown, now) if resumed else differences(shown, now)
    if moved:
        raise RefusedError(
            f"plan {checksum[:_SHORTEST_CHECKSUM]} is no longer what would happen: {moved[0]}" + _more(moved)
        )
    if not reason.strip() and (against := gate.objections(shown, world.region.policies)):
        raise RefusedError(f"the gate holds this plan back: {against[0]}" + _more(against))
    results = [
        Result(change, f"host could not be reached: {now.unread[change.host]}")
        for change in shown.changes
        if change.host in now.unread
    ]
    for applier, changes in _by_applier(now.changes):
        results += _carry_out(applier, world, changes, progress)
    return Outcome(shown, tuple(results))


def _carry_out(applier: Applier, world: World, changes: list[Change], progress: Progress) -> list[Result]:
    """One applier's share. When it can not even begin, its changes have failed; those of others count all the same."""
    try:
        return applier.apply(world, changes, progress)
    except OpsError as error:
        why = error.what + (f" ({error.next_step})" if error.next_step else "")
        progress(Event("apply", applier.name, State.FAILED, why))
        return [Result(change, why) for change in changes]


def _known(region: Region, opds: Iterable[str]) -> None:
    codes = {opd.code for opd in region.opds}
    for code in opds:
        if code not in codes:
            raise UsageError(f"no office has the code {code!r}", f"known: {', '.join(sorted(codes))}")


def _read(world: World, wanted: Sequence[Artifact], opds: Sequence[str], progress: Progress) -> dict[str, Reading]:
    """Ask every kind of place at once; each worker thread enters the world's network first."""
    known = targets()

    def ask(target: Target) -> Reading:
        reading = target.read(world, [artifact for artifact in wanted if artifact.kind == target.kind], opds)
        state = State.FAILED if reading.failed else State.OK
        text = f"{len(reading.contents)} found" + (
            f", no answer: {', '.join(reading.failed)}" if reading.failed else ""
        )
        progress(Event(f"read {target.kind}", "", state, text))
        return reading

    with ThreadPoolExecutor(max_workers=max(1, len(known)), initializer=world.enter) as pool:
        return dict(zip(known, pool.map(ask, known.values()), strict=True))


def _by_applier(changes: Sequence[Change]) -> list[tuple[Applier, list[Change]]]:
    known = targets()
    grouped: dict[str, tuple[Applier, list[Change]]] = {}
    for change in changes:
        applier = known[change.kind].applier
        grouped.setdefault(applier.name, (applier, []))[1].append(change)
    return list(grouped.values())


def reviewed(world: World, checksum: str) -> Plan:
    """The plan that was shown under `checksum`. RefusedError when there is none."""
    folder = world.state / "plans"
    if len(checksum) < _SHORTEST_CHECKSUM:
        raise UsageError(f"{checksum!r} is too short for a checksum", "give at least 12 of its characters")
    found = sorted(folder.glob(f"{checksum.lower()}*.json")) if checksum.isalnum() else []
    if len(found) != 1:
        where = f"for {world.name} ({'a twin' if world.station or world.loopback else 'the regency itself'})"
        raise RefusedError(f"no plan with the checksum {checksum} was shown {where}", "run `ops plan` and review it")
    return load_plan(json.loads(found[0].read_text(encoding="utf-8")))


def _more(lines: Sequence[str]) -> str:
    return f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""


def _write(path: Path, content: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        fresh.write_text(content, encoding="utf-8")
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
