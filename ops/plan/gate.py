"""The gate: which plans need a person's reason before they may be applied. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Protocol

from ops.plan.change import Action, Change
from ops.plan.plan import Plan

EVERY = "ansible-vars"  # the kind of which every declared office has one
SMALL = 10  # shares say nothing about fewer artefacts than this


class Limits(Protocol):
    """The part of the region's `policies` that the gate reads (ops.inventory.model.Policies)."""

    @property
    def change_share(self) -> float: ...
    @property
    def delete_share(self) -> float: ...
    @property
    def change_count(self) -> int: ...
    @property
    def delete_count(self) -> int: ...
    @property
    def protected(self) -> tuple[str, ...]: ...


def objections(plan: Plan, limits: Limits) -> list[str]:
    """Why this plan may not pass on its own; empty when it may. Additions are never held back."""
    return [
        *_too_many(plan, Action.CHANGE, limits.change_count, limits.change_share),
        *_too_many(plan, Action.DELETE, limits.delete_count, limits.delete_share),
        *_protected(plan, limits.protected),
        *_offices_gone(plan),
    ]


def _too_many(plan: Plan, action: Action, most: int, share: float) -> list[str]:
    found = []
    total = plan.count(action)
    if total > most:
        found.append(f"{total} to {action}, the policy's most is {most}")
    for kind, existing in sorted(plan.existing.items()):
        touched = sum(change.kind == kind and change.action is action for change in plan.changes)
        whole = action is Action.DELETE and touched == existing > 1  # however few: nothing of its kind would be left
        if whole or (existing >= SMALL and touched > share * existing):
            found.append(f"{kind}: {touched} of {existing} to {action}, the policy's largest share is {share:.0%}")
    return found


def _offices_gone(plan: Plan) -> list[str]:
    """An office of which nothing is declared any more: perhaps its file was lost, not taken away."""
    gone = sorted({change.scope for change in plan.changes if change.kind == EVERY and change.action is Action.DELETE})
    return [
        f"office {scope} is taken away whole ({sum(one.scope == scope for one in plan.changes)} things)"
        for scope in gone
    ]


def _protected(plan: Plan, patterns: tuple[str, ...]) -> list[str]:
    return [
        f"{change.action} {change.kind}:{change.key} is protected by {pattern!r}"
        for change in plan.changes
        for pattern in patterns
        if change.action is not Action.ADD and _matches(change, pattern)
    ]


def _matches(change: Change, pattern: str) -> bool:
    """`kind:key` with wildcards, or `delete kind:key` to guard only against deletion."""
    action, space, rest = pattern.partition(" ")
    if not space:
        action, rest = "*", pattern
    return fnmatchcase(change.action, action) and fnmatchcase(f"{change.kind}:{change.key}", rest)
