"""Scan every repository on the vault, and every second copy, without a key: rot, and files that are gone."""

from __future__ import annotations

import json
from pathlib import Path

from backup import attic, loopback, places, prune, rot
from backup.layout import Item
from backup.rot import Inventory, Scan
from ops.errors import OpsError, PartlyAppliedError
from ops.jobs.backup import chosen
from ops.jobs.prune import VAULT
from ops.progress import Event, State
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.system.process import Exec
from ops.world import World


def _scope(world: World, args: Args) -> Scope:
    """A prune holds the vault as well: nothing is removed while it is counted."""
    items, recovery = chosen(world, args), world.region.recovery
    hosts = {recovery.vault.server, *([recovery.copy_to.server] if recovery.copy_to else ())}
    locks = tuple(f"host:{name}" for name in sorted(hosts))
    return Scope(tuple(sorted({item.opd.code for item in items})), tuple(sorted(hosts)), locks)


@job(
    "rot-scan",
    "compare every file of the repositories with its name, and the names with those of last time",
    scope=_scope,
    takes=("opd", "set"),
    timeout=12 * HOURS,
    priority=8,
)
def ROT_SCAN(run: Inside) -> Verdict:
    found, failed, bad = {}, {}, []
    for item in chosen(run.world, run.args):
        for place, where, folder in _places(run.world, item):
            name = f"{item.key}@{place}"
            try:
                told = run.step(f"scan {name}", lambda i=item, p=place, w=where, f=folder: one(run.world, i, p, w, f))  # type: ignore[misc]
            except OpsError as error:
                failed[name] = run.scrub(error.what)
                continue
            found[name] = told
            broken = [word for word in ("rotten", "vanished", "strange") if told[word]]
            text = ", ".join(f"{told[word]} {word}" for word in broken) or f"{told['files']} files as they were"
            run.progress(Event("scan", name, State.FAILED if broken else State.OK, text))
            bad += [f"{name}: {text}"] if broken else []
    said = [*bad, *(f"{name}: {why}" for name, why in failed.items())]
    wrong = PartlyAppliedError("; ".join(said[:3]), "take the second copy; prune nothing") if said else None
    return Verdict({"scans": found, "failed": failed}, wrong)


def one(world: World, item: Item, place: str, where: Exec, folder: str) -> dict[str, object]:
    """Scan one repository in one place; what was seen is kept for the exporter, and the names for the next time.

    OpsError when it cannot be read, or the names of the last scan were changed by other hands.
    """
    spots, state = places.of(world), world.state / "rot"
    inventory, name = Inventory(state), f"{item.key}@{place}"
    try:
        before = inventory.names(name)
    except ValueError as error:
        raise OpsError(str(error), "find out who changed it; then remove it and scan again") from None
    seen, names = rot.scan(where, folder, before, _may_go(spots, item, state / f"{name}.json", place))
    if not seen.vanished:  # what is gone stays told until somebody has looked
        inventory.keep(name, names)
    told = {"service": item.key, "opd": item.opd.code, "place": place, **seen.told()}
    _keep(state / f"{name}.json", told, seen)
    return told


def _keep(path: Path, told: dict[str, object], seen: Scan) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({**told, "clean": seen.clean}) + "\n", encoding="utf-8")
    fresh.replace(path)


def _may_go(spots: places.Places, item: Item, last: Path, place: str) -> set[str]:
    """What we removed since the last scan: a prune its snapshots by name, packs and indexes as restic needed; and what
    was moved to the attic."""
    if place != "vault" or not last.exists():
        return set()
    since = float(json.loads(last.read_text(encoding="utf-8"))["at"])
    gone = attic.gone(spots, item, since)
    for line in prune.chain(spots).read():
        if line["event"] == "pruned" and line["of"] == item.key and line["at"] >= since:
            gone |= {"data", "index", *(f"snapshots/{one}" for one in line["removed"])}
    return gone


def _places(world: World, item: Item) -> list[tuple[str, Exec, str]]:
    """(name, machine, folder) of the repository and of its second copy."""
    recovery = world.region.recovery
    if world.loopback:
        where = loopback.on(world)(recovery.vault.server)
        return [("vault", where, str(world.state / loopback.VAULT / item.set.server / item.key))]
    below = f"{item.set.server}/{item.key}"
    found: list[tuple[str, Exec, str]] = [("vault", world.fleet.on(recovery.vault.server), f"{VAULT}/{below}")]
    if recovery.copy_to:
        found.append(("copy", world.fleet.on(recovery.copy_to.server), f"{recovery.copy_to.folder}/{below}"))
    return found
