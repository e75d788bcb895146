"""Copy every repository, file by file, to the second place (drc.yml); nothing there is ever written twice."""

from __future__ import annotations

import json
from typing import Any

from backup import copies, layout, places
from backup.layout import Item
from backup.restic import Repository, Secret
from ops.errors import OpsError, PartlyAppliedError, UsageError
from ops.jobs.backup import chosen
from ops.progress import Event, State
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.world import World


def _scope(world: World, args: Args) -> Scope:
    items, place = chosen(world, args), world.region.recovery.copy_to
    hosts = (place.server,) if place else ()
    return Scope(tuple(sorted({item.opd.code for item in items})), hosts, tuple(f"host:{name}" for name in hosts))


@job(
    "copy",
    "copy the repositories to the second place",
    scope=_scope,
    takes=("opd", "set"),
    timeout=24 * HOURS,
    attempts=2,
    priority=7,
)
def COPY(run: Inside) -> Verdict:
    if run.world.region.recovery.copy_to is None:
        return Verdict({}, UsageError("no second place is declared", "copy_to in drc.yml names it"))
    found, said = {}, []
    for item in chosen(run.world, run.args):
        try:
            told = run.step(f"copy {item.key}", lambda item=item: one(run.world, item))  # type: ignore[misc]
        except OpsError as error:
            said.append(f"{item.key}: {run.scrub(error.what)}")
            run.progress(Event("copy", item.key, State.FAILED, said[-1]))
            continue
        found[item.key] = told
        bad = told["refused_total"] + told["differs_total"]
        text = f"{told['new']} of {told['there']} files new, {told['bytes']} bytes" + (
            f"; {bad} left out" if bad else ""
        )
        run.progress(Event("copy", item.key, State.FAILED if bad else State.CHANGED, text))
        said += [f"{item.key}: {bad} files are not what their names say"] if bad else []
    wrong = PartlyAppliedError("; ".join(said[:3]), "ops jobs list --kind rot-scan; prune nothing") if said else None
    return Verdict({"copies": found}, wrong)


def one(world: World, item: Item) -> dict[str, Any]:
    """Bring what the second place lacks of one repository; kept for the exporter too."""
    place = world.region.recovery.copy_to
    assert place  # noqa: S101 # the flow looked
    view = places.of(world).view(item, "").repository
    where = world.fleet.on(place.server)
    password = Secret(world.secrets.get(layout.rest_secret(layout.VIEW_USER)))
    asked = Repository(view.url, Secret(), view.user, password, view.ca)
    done = copies.copy(where, asked, f"{place.folder}/{item.set.server}/{item.key}")
    told = {"service": item.key, "opd": item.opd.code, **done.told()}
    folder = world.state / "copies"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = folder / f"{item.key}.new"
    fresh.write_text(json.dumps(told) + "\n", encoding="utf-8")
    fresh.replace(folder / f"{item.key}.json")
    return told
