"""Build the servers of a world with playbooks/site.yml: packages, SSH, clock, firewall, and what groups serve."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ops.derive
from ops.errors import OpsError, PartlyAppliedError, UsageError
from ops.inventory.model import Region
from ops.jobs import drift_manifest
from ops.progress import Event, Progress, State, silent
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.system.ansible import Place, Play, RunSummary, run_playbook
from ops.system.ansible_record import HostRun
from ops.world import World

STEP = "provision"


def _scope(world: World, args: Args) -> Scope:
    hosts = _hosts(world, args.get("limit", ()), silent)
    return Scope((), hosts, tuple(f"host:{name}" for name in hosts))


@job(
    "provision",
    "build the servers with playbooks/site.yml",
    scope=_scope,
    takes=("limit", "tags", "check"),
    timeout=2 * HOURS,
    changes=True,
    priority=3,
)
def PROVISION(run: Inside) -> Verdict:
    return run.part("site.yml", lambda: _provisioned(run))


def _provisioned(run: Inside) -> Verdict:
    args = run.args
    summary = provision(
        run.world, args.get("limit", ()), bool(args.get("check")), tuple(args.get("tags", ())), run.progress
    )
    for name, host in summary.hosts.items():
        run.subject("host", name, _state(host), describe(host))
    failed = ", ".join(summary.failed)
    step = "mend them and run `ops provision` again; the others are done"
    return Verdict(_told(summary), PartlyAppliedError(f"failed on {failed}", step) if failed else None)


def _told(summary: RunSummary) -> dict[str, Any]:
    return {
        "run": summary.run,
        "seconds": round(summary.seconds, 1),
        "record": str(summary.record),
        "complete": summary.complete,
        "hosts": {
            name: {
                "ok": host.ok, "changed": host.changed, "failed": host.failed, "seconds": host.seconds,
                "error": host.error,
            }
            for name, host in summary.hosts.items()
        },
    }  # fmt: skip


def provision(
    world: World,
    limit: Sequence[str] | None = None,
    check: bool = False,
    tags: Sequence[str] = (),
    progress: Progress = silent,
) -> RunSummary:
    """Converge the servers (all, or those in `limit`: names or groups). Hosts fail alone; see `RunSummary.failed`.

    OpsError when the run broke down before it began, ToolMissingError in a world without servers. The caller stands in
    the world's network already.
    """
    world.need_servers()
    hosts = _hosts(world, limit or (), progress)
    names = sorted(role_secrets(world.region))
    world.secrets.make_all([f"{{{{secret:{name}}}}}" for name in names])
    place = Place(world.inventory, world.state, world.ssh_key, world.known_hosts, world.fleet)
    play = Play(
        "site.yml",
        place,
        limit=hosts,
        tags=tuple(tags),
        check=check,
        variables={"kominfo_secrets": {name: world.secrets.get(name) for name in names}},
        hidden=world.secrets.hidden(),
    )
    progress(Event(STEP, "", State.RUNNING, f"{len(hosts)} servers" + (", only looking" if check else "")))
    summary = run_playbook(play, _telling(progress))
    if summary.error:
        raise OpsError(f"provision: {summary.error}", f"the whole record: {summary.record}")
    summary = _with_silent(summary, hosts)
    for name, host in summary.hosts.items():
        progress(Event(STEP, name, _state(host), describe(host)))
    if not check:
        drift_manifest.keep(world, summary, whole=not tags, progress=progress)
    return summary


def role_secrets(region: Region) -> set[str]:
    """Names of the secrets that roles ask for: every file of ops/derive may export `role_secrets(region)`."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(ops.derive.__path__):
        wanted = getattr(importlib.import_module(f"ops.derive.{module.name}"), "role_secrets", None)
        found.update(wanted(region) if wanted else ())
    return found


def describe(host: HostRun) -> str:
    return host.error or f"{host.ok} ok, {host.changed} changed, {host.seconds:.0f} s"


def _hosts(world: World, limit: Iterable[str], progress: Progress) -> tuple[str, ...]:
    """The servers meant, by name. A twin may hold only some of the declared ones; the others are named and left out."""
    region = world.region
    groups = {group for server in region.servers for group in server.groups}
    names = {server.name for server in region.servers}
    wanted = set()
    for asked in limit or names:
        if asked not in names | groups:
            raise UsageError(
                f"no server and no group is called {asked!r}", f"known: {', '.join(sorted(names | groups))}"
            )
        wanted |= {asked} & names or {server.name for server in region.group(asked)}
    there = _booted(world, names)
    for name in sorted(wanted - there):
        progress(Event(STEP, name, State.SKIPPED, "not booted in this twin"))
    if not wanted & there:
        raise OpsError("none of these servers is booted in this twin", "ops twin up")
    return tuple(sorted(wanted & there))


def _booted(world: World, names: set[str]) -> set[str]:
    note = Path(world.facts.get("network", ""))
    if not world.station or not note.is_file():
        return names
    return names & set(json.loads(note.read_text(encoding="utf-8")).get("servers", names))


def _telling(progress: Progress) -> Progress:
    """Of a host's many results tell the first, what changed and what failed."""
    seen: set[str] = set()

    def tell(event: Event) -> None:
        if event.state is not State.OK:
            progress(event)
        elif event.on not in seen:
            progress(Event(STEP, event.on, State.RUNNING, "answers"))
        seen.add(event.on)

    return tell


def _with_silent(summary: RunSummary, hosts: Iterable[str]) -> RunSummary:
    """A host without a single result failed too."""
    unheard = {name: HostRun(unreachable=True, message="no result") for name in hosts if name not in summary.hosts}
    return replace(summary, hosts=dict(sorted({**summary.hosts, **unheard}.items())))


def _state(host: HostRun) -> State:
    if host.error:
        return State.FAILED
    return State.CHANGED if host.changed else State.OK
