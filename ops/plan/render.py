"""A plan for people: text and Markdown, grouped by office, every line with the declaration it follows from. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from itertools import groupby

from ops.plan.change import REGION_SCOPE, Action, Change
from ops.plan.plan import Plan

_SIGN = {Action.ADD: "+", Action.CHANGE: "~", Action.DELETE: "-"}
_MOST_DIFF_LINES = 12
_NEEDS = {
    ("pbx-config", "_region.transport.conf"): "restart needed: a transport holds after `ops voip restart` only",
}
HIDDEN = "content differs; not shown, because it names secrets"


def text(plan: Plan, names: Mapping[str, str], *, verbose: bool = False) -> Iterator[str]:
    """Lines of the plan. `names`: full name by office code. `verbose` shows the content of additions too."""
    for scope, changes in groupby(plan.changes, key=lambda change: change.scope):
        yield _heading(scope, names)
        for change in changes:
            yield f"  {_SIGN[change.action]} {change.kind:<18} {_plain(change.key):<40} {change.because}"
            yield from (f"        {line}" for line in needs(change))
            yield from (f"        {_plain(line)}" for line in diff(change, verbose=verbose))
    for host, reason in plan.unread.items():
        yield f"  ? {host}: could not be read, nothing is planned for it: {reason}"
    yield summary(plan)


def markdown(plan: Plan, names: Mapping[str, str]) -> Iterator[str]:
    """The same for a ticket or a merge request."""
    yield f"**{summary(plan)}**"
    yield f"\nChecksum `{plan.checksum}`\n"
    for scope, changes in groupby(plan.changes, key=lambda change: change.scope):
        yield f"\n### {_heading(scope, names)}\n"
        yield "| | what | where | because |\n|---|---|---|---|"
        for change in changes:
            key = _plain(change.key).replace("|", "¦")
            because = "; ".join([change.because, *needs(change)])
            yield f"| {_SIGN[change.action]} | {change.kind} | `{key}` | {because} |"
    for host, reason in plan.unread.items():
        yield f"\n- `{host}` could not be read: {reason}"


def needs(change: Change) -> list[str]:
    """What an apply of it leaves to be done."""
    pair = (change.kind, change.key.partition("/")[2])
    return [_NEEDS[pair]] if pair in _NEEDS and change.action is Action.CHANGE else []


def summary(plan: Plan) -> str:
    """One line: how much of what on how many hosts."""
    if not plan.changes:
        return "nothing to change" + (f"; {len(plan.unread)} host(s) could not be read" if plan.unread else "")
    counts = f"{plan.count(Action.ADD)} to add, {plan.count(Action.CHANGE)} to change"
    return f"{counts}, {plan.count(Action.DELETE)} to delete on {len(plan.hosts)} host(s)"


def diff(change: Change, *, verbose: bool = False) -> list[str]:
    """The lines that differ; never any line of a content that names secrets."""
    if "{{" in (change.before or "") + (change.after or ""):
        return [HIDDEN] if change.action is Action.CHANGE else []
    if change.action is not Action.CHANGE and not verbose:
        return []
    before, after = (change.before or "").splitlines(), (change.after or "").splitlines()
    lines = [line for line in difflib.unified_diff(before, after, n=0, lineterm="") if not line.startswith("@@")][2:]
    if len(lines) > _MOST_DIFF_LINES and not verbose:
        return [*lines[:_MOST_DIFF_LINES], f"… {len(lines) - _MOST_DIFF_LINES} more lines (--verbose shows all)"]
    return lines


def _plain(line: str) -> str:
    """What a host's file says must not steer the terminal of whoever reviews it."""
    return "".join(sign if sign.isprintable() or sign == "\t" else ascii(sign)[1:-1] for sign in line)


def _heading(scope: str, names: Mapping[str, str]) -> str:
    if scope == REGION_SCOPE:
        return "(whole regency)"
    return f"{scope}  {names.get(scope, 'no longer declared')}"
