"""No call goes round for ever: through groups, forwardings and what a menu rings when it is closed."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from ops.inventory.finding import Finding
from ops.inventory.model import Group, Menu, Phone, Region
from ops.inventory.walk import numbers


def check(region: Region) -> Iterable[Finding]:
    things = {thing.number: thing for _, thing in numbers(region)}
    try:
        TopologicalSorter({number: _onward(thing) for number, thing in things.items()}).prepare()
    except CycleError as error:
        loop = error.args[1][::-1]  # it says who is rung before who rings
        first = things[loop[0]]
        yield Finding(first, _key(first), f"rings itself: {' → '.join(loop)}", "let one of them ring somebody else")


def _onward(thing: Phone | Group | Menu) -> tuple[str, ...]:
    """Whom it rings without anybody pressing a key."""
    if isinstance(thing, Group):
        return thing.members
    on = thing.forward if isinstance(thing, Phone) else thing.closed
    return (on,) if on else ()


def _key(thing: Phone | Group | Menu) -> str:
    return "members" if isinstance(thing, Group) else "forward" if isinstance(thing, Phone) else "closed"
