"""The drill of the drill, by the calendar: a random fault in a copy of a random set must be seen, under its name.

What it chose follows from a seed that is recorded, so that a surprise can be repeated exactly.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backup import injection_room, layout, places
from backup.layout import Item
from backup.own_drill import OwnDrill
from backup.restic import Restic
from backup.verify import copies, fetched, inject, plant
from backup.verify.run import Request
from ops.errors import DrillFailedError, OpsError
from ops.jobs.backup import chosen
from ops.progress import Event, Progress, State
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.system.process import Ask
from ops.world import World

KINDS = ("files",)  # sets whose copy can be judged file by file, by the list that lies beside them
AGE = 10 * 365 * 86400.0  # seconds: how old the newest backup is, is another alert's business
JUDGES = {"our own drill": "own_after", "the verification": "after"}  # both must be red under the fault's name
LIMIT = 6 * HOURS  # seconds: nor is it a race


def _scope(world: World, args: Args) -> Scope:
    return Scope(tuple(sorted({item.opd.code for item in chosen(world, args)})))


@job(
    "drill-inject",
    "plant a random fault in a copy and expect the judgement to be red",
    scope=_scope,
    takes=("opd", "set", "fault", "seed"),
    timeout=6 * HOURS,
    priority=8,
)
def DRILL_INJECT(run: Inside) -> Verdict:
    seed = int(run.args.get("seed") or run.step("seed", lambda: {"seed": secrets.randbits(32)})["seed"])
    items = candidates(run.world, chosen(run.world, run.args))
    if not items:
        return Verdict({}, OpsError("no set of files has a backup in which a fault could be planted", "ops backup run"))
    item, fault = draw(seed, items, str(run.args.get("fault", "")))
    run.progress(Event("inject", item.key, State.RUNNING, f"{fault}, seed {seed}"))
    told = {"seed": seed, "service": item.key, "opd": item.opd.code, **one(run.world, item, fault, run.progress)}
    _keep(run.world, told)
    seen = bool(told["seen"])
    judges = ", ".join(f"{who} {told[key]['verdict']} {told[key]['class']}" for who, key in JUDGES.items())
    said = f"{fault}: {'seen' if seen else 'NOT SEEN'} ({judges})"
    run.progress(Event("inject", item.key, State.OK if seen else State.FAILED, said))
    run.subject("opd", item.opd.code, "ok" if seen else "failed", said)
    wrong = DrillFailedError(f"{item.key}: {said}", f"believe no green drill until this is understood (seed {seed})")
    return Verdict(told, None if seen else wrong)


def candidates(world: World, items: list[Item]) -> list[Item]:
    """Sets of files that were backed up, in a fixed order."""
    taken = {line["of"] for line in places.of(world).ledger.read() if line["event"] == "backup"}
    return [item for item in items if item.set.kind in KINDS and item.key in taken]


def draw(seed: int, items: list[Item], fault: str = "") -> tuple[Item, str]:
    """The set and the fault that follow from a seed."""
    chance = random.Random(seed)  # noqa: S311 # to be repeated, not to be secret
    item = chance.choice(items)
    return item, fault or chance.choice(sorted(str(one) for one in plant.PLANTERS))


def one(world: World, item: Item, fault: str, progress: Progress) -> dict[str, Any]:
    """{fault, seen, before, after, own_before, own_after} of one fault in a private copy of a set's repository.

    `own_…` is what the weekly drills' own steps and checks say of it. OpsError where there is no room for a copy.
    """
    spots = places.of(world)
    restic = spots.view(item, places.key_of(spots, item))
    entry = [line for line in spots.ledger.read() if line["event"] == "backup" and line["of"] == item.key][-1]
    with injection_room.alone(world.state) as folder, _certificate(restic, folder) as ca:
        injection_room.enough(folder, fetched.size(restic.repository, ca), int(entry["bytes"]))
        password, copy = folder / "password", folder / "copy"
        password.touch(0o600)
        password.write_text(restic.repository.password.value, encoding="utf-8")
        fetched.whole(restic.repository, copy, ca)
        copies.mark(copy, restic.repository.url)
        (folder / "own").mkdir(mode=0o700)
        ours = OwnDrill(spots, item, folder / "own", progress, AGE, LIMIT)
        host, path = _host(restic, entry), str(entry["path"])
        asked = Request(str(copy), password, host, path, folder / "unused", rpo=AGE, rto=LIMIT)
        return inject.inject(fault, asked, None, progress, ours)


def _host(restic: Restic, entry: dict[str, Any]) -> str:
    """The host's name as the snapshot tells it."""
    found = [one.host for one in restic.snapshots() if one.id == entry["snapshot"]]
    if not found:
        raise OpsError(f"snapshot {entry['snapshot'][:12]} is not in the repository", "ops drill run tells more")
    return found[0]


@contextmanager
def _certificate(restic: Restic, folder: Path) -> Iterator[Path | None]:
    """The vault's certificate as the drill server knows it."""
    if not restic.repository.ca:
        yield None
        return
    text = restic.where.run(["cat", layout.CA_FILE], Ask(timeout=15)).must(f"{restic.where.name}: certificate").out
    (folder / "vault.pem").write_text(text, encoding="utf-8")
    yield folder / "vault.pem"


def _keep(world: World, told: dict[str, Any]) -> None:
    """For the exporter, and to look back: one line an injection."""
    folder = world.state / "inject"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "told.jsonl").open("a", encoding="utf-8") as out:
        out.write(json.dumps({"at": time.time(), **told}) + "\n")
