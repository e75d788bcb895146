"""A plan for machines: what Ansible's check mode says would change on each host, and what it was made from. Pure.

It is bound to its inputs: the digests of the inventory's files, the playbooks' files, the variables (secrets keyed, so
that nobody can guess them from it) and the versions. Applied, it must still be made from the very same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from ops.plan.change import REGION_SCOPE, Change
from ops.plan.plan import Plan

KIND = "server"  # what a step is called in `policies.protected`: server:<host>/_region.<task>
Inputs = Mapping[str, Mapping[str, str]]  # part (inventory, playbooks, variables, versions) → name → digest or version


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that would change: the task, what it concerns, the difference to read, and its digest."""

    task: str
    about: tuple[str, ...] = ()
    text: str = ""
    digest: str = ""
    at: str = ""  # file:line of the task

    @property
    def what(self) -> str:
        return f"{self.task}: {', '.join(self.about)}" if self.about else self.task


@dataclass(frozen=True)
class MachinePlan:
    """`hosts`: every host that was looked at, also those where nothing would change · `unread`: the others, and why ·
    `asked`: what the run is limited to (`limit`, `tags`, `fast`)."""

    hosts: Mapping[str, tuple[Step, ...]]
    unread: Mapping[str, str]
    inputs: Inputs
    asked: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def checksum(self) -> str:
        """sha256 over what would change where, what it was made from, and what was asked for."""
        steps = {host: [(one.task, one.about, one.digest) for one in found] for host, found in self.hosts.items()}
        text = json.dumps([steps, dict(self.unread), _plain(self.inputs), dict(self.asked)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def changing(self) -> tuple[str, ...]:
        """Hosts on which something would change."""
        return tuple(sorted(host for host, steps in self.hosts.items() if steps))

    @property
    def count(self) -> int:
        return sum(map(len, self.hosts.values()))


def dump(plan: MachinePlan) -> dict[str, Any]:
    """As plain data; `load` reads it back. Holds no secret."""
    return {
        "checksum": plan.checksum,
        "asked": dict(plan.asked),
        "hosts": {host: [asdict(step) for step in steps] for host, steps in plan.hosts.items()},
        "unread": dict(plan.unread),
        "inputs": _plain(plan.inputs),
    }


def load(data: Mapping[str, Any]) -> MachinePlan:
    """From `dump`ed data. ValueError when it was changed since, or is no such plan."""
    try:
        hosts = {host: tuple(_step(one) for one in steps) for host, steps in data["hosts"].items()}
        plan = MachinePlan(hosts, data["unread"], data["inputs"], data["asked"])
        stated = data["checksum"]
    except (KeyError, TypeError, AttributeError):
        raise ValueError("this is no plan for machines") from None
    if plan.checksum != stated:
        raise ValueError("its contents are not what its checksum says")
    return plan


def moved(reviewed: Inputs, now: Inputs) -> list[str]:
    """What the plan was made from and is not the same any more, one line each."""
    lines = []
    for part in sorted(reviewed.keys() | now.keys()):
        before, after = reviewed.get(part, {}), now.get(part, {})
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                word = "is new" if name not in before else "is gone" if name not in after else "has changed"
                lines.append(f"{part}: {name} {word}")
    return lines


def beyond(reviewed: MachinePlan, now: MachinePlan) -> list[str]:
    """What would change now and was not shown, one line each; what is done already is no reason."""
    more = []
    for host, steps in sorted(now.hosts.items()):
        shown = {(one.task, one.about, one.digest) for one in reviewed.hosts.get(host, ())}
        more += [f"{host}: {one.what}" for one in steps if (one.task, one.about, one.digest) not in shown]
    return more


def for_gate(plan: MachinePlan, steps: int) -> Plan:
    """As a plan that the gate can judge. `steps`: how many the hosts have in all, changing or not."""
    changes = [
        Change(KIND, f"{host}/{REGION_SCOPE}.{one.task}", "", one.digest, one.at)
        for host, found in sorted(plan.hosts.items())
        for one in found
    ]
    return Plan(tuple(changes), {KIND: max(steps, len(changes))}, plan.unread)


def lines(plan: MachinePlan, verbose: bool = False) -> Iterable[str]:
    """To read: per host what would change; with `verbose` also how."""
    for host in sorted(plan.hosts):
        found = plan.hosts[host]
        yield f"{host}: {len(found)} to change" if found else f"{host}: nothing to change"
        for step in found:
            yield f"  ~ {step.what}" + (f"   ({step.at})" if step.at and verbose else "")
            if verbose:
                yield from (f"      {line}" for line in step.text.splitlines())
    for host, why in sorted(plan.unread.items()):
        yield f"{host}: left out, it could not be looked at: {why}"


def _step(data: Mapping[str, Any]) -> Step:
    return Step(data["task"], tuple(data["about"]), data["text"], data["digest"], data["at"])


def _plain(inputs: Inputs) -> dict[str, dict[str, str]]:
    return {part: dict(found) for part, found in inputs.items()}
