"""The plan of a provision: made by looking only, kept under its checksum, and held against the world when applied."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.derive import ansible_vars
from ops.errors import RefusedError, UsageError
from ops.plan import gate
from ops.plan.machine import Inputs, MachinePlan, Step, beyond, dump, for_gate, load, moved
from ops.system import ansible_inputs, ansible_record
from ops.system.ansible import RunSummary
from ops.world import World

KEY = "provision/plan-key"  # the secret that makes digests of other secrets unguessable
KEPT = 50
_SHORTEST = 12
_AGAIN = "look again: `ops provision --check`, and review what it shows"


def key(world: World) -> str:
    return world.secrets.get(KEY)


def inputs(world: World, secrets: Mapping[str, str], fast: bool) -> dict[str, dict[str, str]]:
    """All that a provision is made from, by part: what it would be now. `secrets`: those that the roles get."""
    region = world.region
    known = {
        "region": ansible_vars.region_variables(region),
        **{f"host {one.name}": ansible_vars.server_variables(region, one.name) for one in region.servers},
        **{f"office {opd.code}": ansible_vars.variables(region, opd) for opd in region.opds},
        **{f"secret {name}": value for name, value in secrets.items()},
    }
    return {
        "inventory": ansible_inputs.files(world.inventory),
        "playbooks": ansible_inputs.playbooks(),
        "variables": ansible_inputs.variables(known, key(world)),
        "versions": ansible_inputs.versions(fast),
    }


def digest(made_from: Inputs) -> str:
    text = json.dumps({part: dict(found) for part, found in made_from.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def build(summary: RunSummary, made_from: Inputs, asked: Mapping[str, Any]) -> MachinePlan:
    """From a run that only looked. A host on which it failed is left out of the plan."""
    unread = {name: host.trouble for name, host in summary.hosts.items() if host.error}
    hosts: dict[str, list[Step]] = {name: [] for name in summary.hosts if name not in unread}
    for line in ansible_record.changes(summary.record):
        if line["host"] in hosts:
            hosts[line["host"]].append(_step(line))
    # hosts go ahead independently, so the order of a host's own steps is all that is the same every time
    return MachinePlan({name: tuple(steps) for name, steps in hosts.items()}, unread, made_from, dict(asked))


def _step(line: Mapping[str, Any]) -> Step:
    changes = line.get("changes", [])
    paths = [one["path"].partition(":")[0] for one in changes if one["path"]]
    text = "\n".join(f"{one['path']}\n{one['text']}" if one["path"] else one["text"] for one in changes)
    about = tuple(dict.fromkeys([*paths, *line.get("about", [])]))
    digests = hashlib.sha256("".join(one["digest"] for one in changes).encode()).hexdigest() if changes else ""
    return Step(line["task"], about, text, digests, line.get("at", ""))


def keep(world: World, plan: MachinePlan) -> None:
    """So that it can be applied under its checksum."""
    folder = _folder(world)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = folder / f".{plan.checksum}.{os.getpid()}.new"
    fresh.write_text(json.dumps(dump(plan), ensure_ascii=False), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(folder / f"{plan.checksum}.json")
    for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)


def take(world: World, wanted: str) -> MachinePlan:
    """The plan in a file, or that was shown under a checksum. RefusedError when there is none, or it was changed."""
    if "/" in wanted or wanted.endswith(".json"):
        plan = _read(Path(wanted))
        keep(world, plan)
        return plan
    if len(wanted) < _SHORTEST:
        raise UsageError(f"{wanted!r} is too short for a checksum", f"give at least {_SHORTEST} of its characters")
    found = sorted(_folder(world).glob(f"{wanted.lower()}*.json")) if wanted.isalnum() else []
    if len(found) != 1:
        raise RefusedError(f"no plan with the checksum {wanted} was shown for the machines of {world.name}", _AGAIN)
    return _read(found[0])


def must_hold(world: World, plan: MachinePlan, made_from: Inputs, reason: str) -> None:
    """RefusedError when it is not made from the same any more, or the gate objects and nobody says why."""
    if lines := moved(plan.inputs, made_from):
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        raise RefusedError(f"plan {plan.checksum[:_SHORTEST]} was made from something else: {lines[0]}{more}", _AGAIN)
    if not reason.strip() and (against := objections(world, plan)):
        raise RefusedError(f"the gate holds this plan back: {against[0]}", "`--reason '…'` records why it may pass")


def must_not_go_beyond(plan: MachinePlan, now: MachinePlan) -> None:
    """RefusedError when more would change now than was shown: somebody was at that host meanwhile."""
    if more := beyond(plan, now):
        others = f" (and {len(more) - 1} more)" if len(more) > 1 else ""
        raise RefusedError(f"more would change than plan {plan.checksum[:_SHORTEST]} showed: {more[0]}{others}", _AGAIN)


def objections(world: World, plan: MachinePlan) -> list[str]:
    """Why the gate wants a reason for it."""
    steps = int(plan.asked.get("steps", 0))
    return gate.objections(for_gate(plan, steps), world.region.policies)


def _folder(world: World) -> Path:
    return world.state / "machine-plans"


def _read(path: Path) -> MachinePlan:
    try:
        return load(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UsageError(
            f"{path}: there is no such file", "`ops provision --check` tells where it left the plan"
        ) from None
    except (ValueError, AttributeError) as error:
        raise RefusedError(f"{path}: {error}", _AGAIN) from None
