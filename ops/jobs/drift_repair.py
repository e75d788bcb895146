"""Put right what differs on servers: converge only the hosts and roles concerned, and place their artefacts again.

What a role set in the kernel (a sysctl, firewall rules) is not seen by the role, for its file is as it should be. So
that file's mode is spoiled first: the role writes it anew and takes it into service in its own way, the firewall on
trial until the station gets a new connection through. What nothing declares is left to a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from ops.errors import OpsError, PartlyAppliedError
from ops.jobs import drift_manifest
from ops.jobs.drift_sweep import CLEAN, UNKNOWN, Swept, servers, sweep
from ops.jobs.provision import provision
from ops.plan.change import Change
from ops.progress import Event, Progress, State
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job, named
from ops.sweep.compare import ARTEFACT
from ops.targets.host_files import APPLIER
from ops.world import World

STEP = "repair"
_SPOILED = "0400"  # a mode that no file of ours has; root reads it all the same


def _scope(world: World, args: Args) -> Scope:
    hosts = servers(world, (), named(args, "host"))
    return Scope((), hosts, tuple(f"host:{name}" for name in hosts))


@job(
    "drift-repair",
    "converge what differs from what the last runs left",
    scope=_scope,
    takes=("host",),
    timeout=2 * HOURS,
    changes=True,
    priority=3,
)
def DRIFT_REPAIR(run: Inside) -> Verdict:
    run.world.need_servers()
    before = sweep(run.world, servers(run.world, (), named(run.args, "host")), run.progress)
    asked = [one for one in before if one.items]
    errors = repair(run.world, asked, run.progress)
    after = sweep(run.world, [one.host for one in asked], run.progress) if asked else []
    unknown = [one for one in before if one.state == UNKNOWN]
    for one in (*unknown, *after):
        run.subject("host", one.host, "changed" if one.state == CLEAN else "failed", one.why or _left(one))
    return Verdict(_told(asked, after, unknown, errors), _error(after, unknown, errors))


def repair(world: World, found: Sequence[Swept], progress: Progress) -> dict[str, str]:
    """Converge what `found` names; host → why it could not be done. The look afterwards tells what is left."""
    errors: dict[str, str] = {}
    by_tags: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for one in found:
        todo = one.repair
        if todo["tags"]:
            by_tags[tuple(todo["tags"])].append(one.host)
        _try(errors, one.host, lambda one=one, todo=todo: _spoil(world, one.host, todo["again"]))  # type: ignore[misc]
    for tags, hosts in sorted(by_tags.items()):
        progress(Event(STEP, "", State.RUNNING, f"{', '.join(hosts)}: {', '.join(tags)}"))
        try:
            summary = provision(world, hosts, tags=tags, progress=progress)
        except OpsError as error:
            errors.update(dict.fromkeys(hosts, error.what))
        else:
            errors.update({name: host.error for name, host in summary.failed.items()})
    return errors | _artefacts(world, found, progress)


def _try(errors: dict[str, str], host: str, work: Callable[[], None]) -> None:
    try:
        work()
    except OpsError as error:
        errors[host] = error.what


def _spoil(world: World, host: str, paths: Sequence[str]) -> None:
    for path in paths:
        world.fleet.on(host).run(["chmod", _SPOILED, path])  # one that is not there is written anyway


def _artefacts(world: World, found: Sequence[Swept], progress: Progress) -> dict[str, str]:
    """Place artefacts again, as they are declared now, unless the declaration has moved on since they were placed."""
    changes: list[Change] = []
    for one in found:
        wanted = {item.name for item in one.items if item.cure == ARTEFACT}
        manifest = drift_manifest.read(world, one.host)
        if not wanted or manifest is None:
            continue
        left = {item.name: item.want for item in manifest.items}
        for declared in drift_manifest.declared(world, [one.host])[one.host]:
            path = declared.item.name
            if path in wanted and left[path].get("sha256") == declared.item.want["sha256"]:
                changes.append(declared.change)
    results = APPLIER.apply(world, changes, progress)
    return {result.change.host: result.error for result in results if result.error}


def _left(one: Swept) -> str:
    return f"{len(one.items)} still differ" if one.items else ""


def _told(
    asked: Sequence[Swept], after: Sequence[Swept], unknown: Sequence[Swept], errors: dict[str, str]
) -> dict[str, Any]:
    return {
        "repaired": {one.host: len(one.items) for one in asked},
        "left": {one.host: one.as_dict() for one in after if one.state != CLEAN},
        "unknown": {one.host: one.why for one in unknown},
        "errors": errors,
    }


def _error(after: Sequence[Swept], unknown: Sequence[Swept], errors: dict[str, str]) -> OpsError | None:
    if errors:
        host, why = min(errors.items())
        return PartlyAppliedError(f"not repaired: {', '.join(sorted(errors))} ({host}: {why})")
    if left := [f"{one.host}: {item.kind} {item.name}" for one in after for item in one.items]:
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        return PartlyAppliedError(f"still differs: {left[0]}{more}", "put it right by hand, or ops drift accept")
    if unknown:
        return PartlyAppliedError(f"unknown: {', '.join(one.host for one in unknown)}", "look at the reasons above")
    return None
