"""Build the servers of a world with playbooks/site.yml: packages, SSH, clock, firewall, and what groups serve."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ops.derive
from ops.errors import OpsError, PartlyAppliedError, UsageError
from ops.inventory.model import Region
from ops.jobs import drift_manifest, provision_plan
from ops.plan.machine import Inputs, MachinePlan, dump
from ops.progress import Event, Progress, State, silent
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job, named
from ops.system import ansible_runs
from ops.system.ansible import Place, Play, RunSummary, run_playbook
from ops.system.ansible_record import HostRun
from ops.system.ansible_runs import Origin
from ops.world import World

STEP, PLAYBOOK = "provision", "site.yml"


@dataclass(frozen=True, slots=True)
class Extra:
    """More of what a provision may be asked for. `fast`: by mitogen · `origin`: the run of the job that it goes on
    with: hosts which an attempt of it has finished, made from the same, are left alone."""

    fast: bool = False
    origin: str = ""


def _scope(world: World, args: Args) -> Scope:
    wanted = provision_plan.take(world, args["plan"]).changing if args.get("plan") else named(args, "limit")
    hosts = _hosts(world, wanted, silent) if wanted or not args.get("plan") else ()
    return Scope((), hosts, tuple(f"host:{name}" for name in hosts))


def _hold(world: World, args: Args) -> str:
    """A plan beyond the gate's limits needs two people at the regency itself, as for `ops apply`."""
    if world.rehearsal or not args.get("plan") or "gate" not in world.region.policies.second_person:
        return ""
    against = provision_plan.objections(world, provision_plan.take(world, args["plan"]))
    return f"the gate holds this plan back: {against[0]}" if against else ""


@job(
    "provision",
    "build the servers with playbooks/site.yml",
    scope=_scope,
    hold=_hold,
    takes=("limit", "tags", "check", "plan", "fast"),
    timeout=2 * HOURS,
    changes=True,
    priority=3,
)
def PROVISION(run: Inside) -> Verdict:
    # a retry inherits this step, and by it knows which hosts were finished before it
    origin = run.step("hosts", lambda: {"origin": run.id})["origin"]
    return run.part("site.yml", lambda: _provisioned(run, Extra(bool(run.args.get("fast")), origin)))


def _provisioned(run: Inside, extra: Extra) -> Verdict:
    args = run.args
    if args.get("plan"):
        return _planned(run, extra)
    limit, tags, check = named(args, "limit"), named(args, "tags"), bool(args.get("check"))
    summary = provision(run.world, limit, check, tags, run.progress, extra)
    verdict = _verdict(run, summary)
    if not check:
        return verdict
    plan = _kept(run.world, summary, {"limit": list(limit), "tags": list(tags), "fast": extra.fast})
    against = provision_plan.objections(run.world, plan)
    return Verdict({**verdict.result, "plan": dump(plan), "objections": against}, verdict.error)


def _planned(run: Inside, extra: Extra) -> Verdict:
    """Exactly what a plan showed, on the hosts where it showed something."""
    world, plan = run.world, provision_plan.take(run.world, run.args["plan"])
    extra, tags = replace(extra, fast=bool(plan.asked.get("fast"))), tuple(plan.asked.get("tags", ()))
    made_from = provision_plan.inputs(world, _secrets(world), extra.fast)
    provision_plan.must_hold(world, plan, made_from, run.reason)
    left = sorted(set(plan.changing) - _finished(world, extra, made_from))
    if not left:
        return Verdict({"hosts": {}, "seconds": 0.0, "record": "", "complete": True, "run": ""})
    looked = provision(world, left, True, tags, run.progress, replace(extra, origin=""))
    provision_plan.must_not_go_beyond(plan, provision_plan.build(looked, made_from, plan.asked))
    return _verdict(run, provision(world, left, False, tags, run.progress, extra))


def _verdict(run: Inside, summary: RunSummary) -> Verdict:
    for name, host in summary.hosts.items():
        run.subject("host", name, _state(host), describe(host))
    failed = "; ".join(f"{name}: {host.trouble}" for name, host in list(summary.failed.items())[:5])
    more = f"; and {len(summary.failed) - 5} more" if len(summary.failed) > 5 else ""  # noqa: PLR2004 # as many as above
    step = f"mend that, then `ops jobs retry {run.id}` goes on with these alone"
    return Verdict(_told(summary), PartlyAppliedError(failed + more, step) if failed else None)


def _kept(world: World, summary: RunSummary, asked: dict[str, Any]) -> MachinePlan:
    made_from = provision_plan.inputs(world, _secrets(world), bool(asked["fast"]))
    steps = sum(host.ok for host in summary.hosts.values())
    plan = provision_plan.build(summary, made_from, {**asked, "steps": steps})
    provision_plan.keep(world, plan)
    return plan


def _told(summary: RunSummary) -> dict[str, Any]:
    return {
        "run": summary.run,
        "seconds": round(summary.seconds, 1),
        "record": str(summary.record),
        "complete": summary.complete,
        "hosts": {
            name: {
                "ok": host.ok, "changed": host.changed, "failed": host.failed, "seconds": host.seconds,
                "error": host.trouble,
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
    extra: Extra = Extra(),
) -> RunSummary:
    """Converge the servers (all, or those in `limit`: names or groups). Hosts fail alone; see `RunSummary.failed`.

    OpsError when the run broke down before it began, ToolMissingError in a world without servers. The caller stands in
    the world's network already.
    """
    world.need_servers()
    secrets = _secrets(world)
    made_from = provision_plan.inputs(world, secrets, extra.fast)
    hosts = _unfinished(_hosts(world, limit or (), progress), _finished(world, extra, made_from), progress)
    if not hosts:
        return RunSummary("", 0, 0.0, {}, world.state)
    place = Place(world.inventory, world.state, world.ssh_key, world.known_hosts, world.fleet)
    play = Play(
        PLAYBOOK,
        place,
        limit=hosts,
        tags=tuple(tags),
        check=check,
        variables={"kominfo_secrets": secrets},
        hidden=world.secrets.hidden(),
        differences=True,
        key=provision_plan.key(world),
        fast=extra.fast,
        job=extra.origin,
        inputs=provision_plan.digest(made_from),
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


def _secrets(world: World) -> dict[str, str]:
    """Name → value of what the roles get; made where there is none yet."""
    names = sorted(role_secrets(world.region))
    world.secrets.make_all([f"{{{{secret:{name}}}}}" for name in names])
    return {name: world.secrets.get(name) for name in names}


def _finished(world: World, extra: Extra, made_from: Inputs) -> set[str]:
    """Hosts that earlier attempts have built from the very same."""
    origin = Origin(extra.origin, provision_plan.digest(made_from))
    return ansible_runs.finished(world.state, PLAYBOOK, origin) if extra.origin else set()


def _unfinished(hosts: tuple[str, ...], done: set[str], progress: Progress) -> tuple[str, ...]:
    for name in sorted(done & set(hosts)):
        progress(Event(STEP, name, State.SKIPPED, "was finished before"))
    return tuple(name for name in hosts if name not in done)


def role_secrets(region: Region) -> set[str]:
    """Names of the secrets that roles ask for: every file of ops/derive may export `role_secrets(region)`."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(ops.derive.__path__):
        wanted = getattr(importlib.import_module(f"ops.derive.{module.name}"), "role_secrets", None)
        found.update(wanted(region) if wanted else ())
    return found


def describe(host: HostRun) -> str:
    return host.trouble or f"{host.ok} ok, {host.changed} changed, {host.seconds:.0f} s"


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
