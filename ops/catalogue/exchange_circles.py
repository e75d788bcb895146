"""Who rings whom without anybody pressing a key: forwardings and groups end at somebody, and never where they began.

A circle of groups is calls that make calls, until the exchange has no channel left. Standard library only: this also
runs on the exchange (role pbx).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter

from ops.catalogue.exchange_conf import Fault
from ops.catalogue.exchange_dialplan import Dialplan, Extension, Step, split, targets
from ops.catalogue.exchange_numbers import NUMBERS, OFFICE

_MENU = "kominfo-menu-"
_PLACE = re.compile(r"kominfo-(ring|mailbox),s,1\((.*)\)")
_NUMBER = re.compile(rf"{NUMBERS},(\d+),")
_LOCAL = re.compile(rf"Local/(\d+)@{NUMBERS}")


def check_circles(plan: Dialplan, endpoints: Collection[str]) -> Iterator[Fault]:
    things = {
        one.pattern: one
        for context in plan.contexts.values()
        if context.name == NUMBERS or context.name.startswith(OFFICE)
        for one in context.extensions.values()
    }
    known = {*things, *endpoints}
    for one in things.values():
        for step in one.steps:
            yield from (Fault(step.at, what) for what in _place(one, step, known, endpoints))
    numbers = {number: [*_rung(plan, one)] for number, one in things.items() if number.isdecimal()}
    try:
        TopologicalSorter(numbers).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]  # it says who is rung before who rings
        yield Fault(things[circle[0]].at, f"rings itself: {' → '.join(circle)}")


def _place(one: Extension, step: Step, known: Collection[str], endpoints: Collection[str]) -> Iterator[str]:
    """What is wrong with whom `kominfo-ring` or `kominfo-mailbox` is told to ring, and who rings after that."""
    found = _PLACE.fullmatch(step.args) if step.app == "Gosub" else None
    if not found:
        return
    number, reception, onward = [*split(found[2], ","), "", ""][:3]
    own = "${EXTEN}" if one.pattern.startswith("_") else one.pattern
    if number not in {own, "${EXTEN}"}:
        yield f"{one.pattern} rings {number}"
    if reception and reception not in endpoints:
        yield f"{one.pattern} falls back to {reception}, which is no endpoint"
    if onward and onward not in known:
        yield f"{one.pattern} is forwarded to {onward}, which nobody has"


def _rung(plan: Dialplan, extension: Extension) -> Iterator[str]:
    for step in extension.steps:
        yield from _LOCAL.findall(step.args)
        if step.app == "Gosub" and (found := _PLACE.fullmatch(step.args)):
            yield from (number for number in split(found[2], ",")[2:3] if number)
        for target in targets(step):
            if found := _NUMBER.match(target):
                yield found[1]
            elif (menu := target.removesuffix(",s,1")).startswith(_MENU) and menu in plan.contexts:
                yield from _closed(plan, menu)


def _closed(plan: Dialplan, menu: str) -> Iterator[str]:
    """Whom a menu rings by itself."""
    start = plan.contexts[menu].extensions.get("s")
    for step in start.steps if start else ():
        for target in targets(step):
            if found := _NUMBER.match(target):
                yield found[1]
