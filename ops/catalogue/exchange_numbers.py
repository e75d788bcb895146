"""Who is reached inside: one context with the patterns of all offices, and a context of each office that they lead to.

Standard library only: this also runs on the exchange (role pbx).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from itertools import combinations

from ops.catalogue.exchange_conf import Fault
from ops.catalogue.exchange_dialplan import Context, Dialplan, Extension

NUMBERS, OFFICE = "kominfo-numbers", "kominfo-office-"
TRUNK = "trunk-"
SIGN = re.compile(r"\[[^\]]*\]|.")
DIGITS = frozenset("0123456789*#+")
SETS = {"X": DIGITS - set("*#+"), "Z": DIGITS - set("0*#+"), "N": DIGITS - set("01*#+")}


def check_numbers(plan: Dialplan, endpoints: Collection[str]) -> Iterator[Fault]:
    """Faults of the extensions, and of the way from their patterns into the offices' contexts."""
    shared = plan.contexts.get(NUMBERS)
    if shared:
        yield from _alone(shared)
        yield from _lamps(shared)
        yield from _telephones(shared, endpoints)
    leading = _leading(shared)
    for name in sorted({*leading, *(one for one in plan.contexts if one.startswith(OFFICE))} & plan.contexts.keys()):
        yield from _alone(plan.contexts[name])
        yield from _the_same(plan.contexts[name], leading.get(name, []))


def _alone(context: Context) -> Iterator[Fault]:
    """Numbers of one length, no two patterns for one of them."""
    things = context.extensions.values()
    sizes = {len(_signs(one.pattern)) for one in things}
    if len(sizes) > 1:
        yield Fault(context.at, f"numbers of {min(sizes)} and {max(sizes)} digits: the shorter one is dialled at once")
    patterns = [one for one in things if one.pattern.startswith("_")]
    for one in patterns:
        if one.pattern[-1:] in {".", "!"}:
            yield Fault(one.at, f"{one.pattern} takes numbers of any length")
    for one, other in combinations(patterns, 2):
        if _overlap(one.pattern, other.pattern):
            yield Fault(other.at, f"{other.pattern} takes numbers of {one.pattern} at {one.at}, too")


def _lamps(context: Context) -> Iterator[Fault]:
    for one in context.extensions.values():
        rings = _office(one) or any("kominfo-ring,s,1(${EXTEN}" in step.args for step in one.steps)
        if one.pattern.startswith("_") and not one.hint and rings:
            yield Fault(one.at, f"{one.pattern} rings telephones and has no hint: no lamp would show them")


def _telephones(context: Context, endpoints: Collection[str]) -> Iterator[Fault]:
    """Lamps show telephones that there are, and each telephone can be dialled."""
    fitting: dict[str, list[str]] = {}  # by their digits at the beginning: 10,000 telephones are looked up in it
    for one in context.extensions.values():
        fitting.setdefault(re.split(r"[^0-9]", one.pattern.removeprefix("_"))[0], []).append(one.pattern)
        if one.hint and one.hint.removeprefix("PJSIP/") not in endpoints and one.hint != "PJSIP/${EXTEN}":
            yield Fault(one.at, f"the hint of {one.pattern} is no endpoint")
    for name in sorted(endpoints):
        nearest = (one for end in range(len(name) + 1) for one in fitting.get(name[:end], ()))
        if not name.startswith(TRUNK) and not any(_fits(one, name) for one in nearest):
            yield Fault(context.at, f"the endpoint {name} has no number that anybody could dial")


def _leading(shared: Context | None) -> dict[str, list[Extension]]:
    """Context of an office → the shared extensions that lead there."""
    found: dict[str, list[Extension]] = {}
    for one in shared.extensions.values() if shared else ():
        if name := _office(one):
            found.setdefault(name, []).append(one)
    return found


def _office(extension: Extension) -> str:
    """The office's context that takes the number as it was dialled; "" for none."""
    step = extension.steps[0] if extension.steps else None
    name, _, rest = step.args.partition(",") if step and step.app == "Goto" else ("", "", "")
    return name if name.startswith(OFFICE) and rest == "${EXTEN},1" else ""


def _the_same(office: Context, leading: list[Extension]) -> Iterator[Fault]:
    """What leads to an office is what it answers: else a number ends in nothing, or nobody can dial it."""
    ways, own = {one.pattern for one in leading}, {one for one in office.extensions if one.startswith("_")}
    for one in leading:
        if one.pattern not in own:
            yield Fault(one.at, f"{one.pattern} leads to {office.name}, which does not take all of it")
    for one in office.extensions.values():
        if one.pattern not in ways and (one.pattern in own or not any(_fits(way, one.pattern) for way in ways)):
            yield Fault(
                one.at, f"{one.pattern} in {office.name} is dialled by nobody: nothing in {NUMBERS} leads there"
            )


def _signs(pattern: str) -> list[str]:
    return SIGN.findall(pattern.removeprefix("_")) if pattern.startswith("_") else list(pattern)


@cache
def _sets(pattern: str) -> list[frozenset[str]]:
    found = []
    for sign in _signs(pattern):
        if len(sign) > 1:
            spans = re.sub(r"([0-9])-([0-9])", lambda one: "".join(map(str, range(int(one[1]), int(one[2]) + 1))), sign)
            found.append(frozenset(spans.strip("[]")))
        else:
            found.append(SETS.get(sign, frozenset(sign)))
    return found


def _overlap(one: str, other: str) -> bool:
    """Whether two patterns of one length have a number in common."""
    mine, others = _sets(one), _sets(other)
    return len(mine) == len(others) and all(left & right for left, right in zip(mine, others, strict=True))


def _fits(pattern: str, number: str) -> bool:
    places = _sets(pattern)
    return len(places) == len(number) and all(sign in place for sign, place in zip(number, places, strict=True))
