"""What would change: the difference between what follows from the declarations and what was read. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ops.plan.change import REGION_SCOPE, Action, Artifact, Change, digest

UNDECLARED = "no longer declared"


@dataclass(frozen=True)
class Plan:
    """`existing`: how many artefacts of each kind were found · `unread`: hosts that could not be asked, and why."""

    changes: tuple[Change, ...]
    existing: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    opds: tuple[str, ...] = ()  # limited to these offices; empty for all

    @cached_property
    def checksum(self) -> str:
        """sha256 over every change (what, where, from which content, to which) in their fixed order."""
        lines = [(one.kind, one.key, digest(one.before), digest(one.after)) for one in self.changes]
        return hashlib.sha256(json.dumps([self.opds, lines]).encode()).hexdigest()

    def count(self, action: Action) -> int:
        return sum(change.action is action for change in self.changes)

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(sorted({change.host for change in self.changes}))


def build(
    wanted: Iterable[Artifact],
    found: Mapping[str, Mapping[str, str]],
    unread: Mapping[str, str],
    opds: Iterable[str] = (),
) -> Plan:
    """Compare. `found`: contents by kind and key. Hosts in `unread` are left out: nothing is known of them."""
    only = tuple(sorted(opds))
    changes: list[Change] = []
    seen: set[tuple[str, str]] = set()
    for artifact in wanted:
        seen.add((artifact.kind, artifact.key))
        before = found.get(artifact.kind, {}).get(artifact.key)
        if before != artifact.content and artifact.host not in unread:
            changes.append(Change(artifact.kind, artifact.key, before, artifact.content, artifact.because))
    for kind, contents in found.items():
        changes += [
            Change(kind, key, content, None, UNDECLARED)
            for key, content in contents.items()
            if (kind, key) not in seen and key.partition("/")[0] not in unread
        ]
    kept = [change for change in changes if not only or change.scope in {*only, REGION_SCOPE}]
    kept.sort(key=lambda change: (change.scope, change.kind, change.key))
    existing = {kind: len(contents) for kind, contents in sorted(found.items())}
    return Plan(tuple(kept), existing, dict(sorted(unread.items())), only)


def dump(plan: Plan) -> dict[str, Any]:
    """The plan as plain data; `load` reads it back. Holds names of secrets only."""
    return {
        "checksum": plan.checksum,
        "opds": list(plan.opds),
        "existing": dict(plan.existing),
        "unread": dict(plan.unread),
        "changes": [
            {"action": one.action, "kind": one.kind, "key": one.key, "because": one.because}
            | {"before": one.before, "after": one.after}
            for one in plan.changes
        ],
    }


def load(data: Mapping[str, Any]) -> Plan:
    """A plan from `dump`ed data."""
    return Plan(
        tuple(Change(one["kind"], one["key"], one["before"], one["after"], one["because"]) for one in data["changes"]),
        data["existing"],
        data["unread"],
        tuple(data["opds"]),
    )


def differences(reviewed: Plan, now: Plan) -> list[str]:
    """Why `now` is not the plan that was reviewed, one line each; hosts that became unreachable are no reason."""
    gone = set(now.unread) - set(reviewed.unread)
    before = {_identity(change) for change in reviewed.changes if change.host not in gone}
    after = {_identity(change) for change in now.changes}
    return sorted(
        [f"no longer the same: {kind} {key}" for kind, key, *_ in before - after]
        + [f"not in the reviewed plan: {kind} {key}" for kind, key, *_ in after - before]
    )


def beyond(reviewed: Plan, now: Plan) -> list[str]:
    """What `now` would do that was not in the reviewed plan, one line each; what is done already is no reason."""
    shown = {_identity(change) for change in reviewed.changes}
    more = {_identity(change) for change in now.changes} - shown
    return sorted(f"not in the reviewed plan: {kind} {key}" for kind, key, *_ in more)


def _identity(change: Change) -> tuple[str, str, str, str]:
    return change.kind, change.key, digest(change.before), digest(change.after)
