"""Only emergency numbers can be answered by the regency itself, and by people: what answers on its own (a menu, a
mailbox, a number to test with) would end the call's way to the trunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ops.inventory.finding import Finding
from ops.inventory.model import Group, Menu, Phone, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import numbers


def check(region: Region) -> Iterable[Finding]:
    emergency = set(region.numbering.emergency)
    things = {thing.number: thing for _, thing in numbers(region)}
    for code, rung in region.numbering.call_centre.items():
        if code not in emergency:
            what = f"{code} is no emergency number"
            yield Finding(region.numbering, f"call_centre.{code}", what, nearest_or_all(code, emergency, "number"))
        if by := _answers(things, rung, frozenset()):
            what = f"{by} answers by itself, so the call would never reach a person"
            yield Finding(region.numbering, f"call_centre.{code}", what, "name a telephone, or a group of telephones")


def _answers(things: Mapping[str, Phone | Group | Menu], number: str, seen: frozenset[str]) -> str:
    """What answers without a person when `number` is rung; "" when nothing does."""
    thing = things.get(number)
    if thing is None or number in seen:
        return ""
    if isinstance(thing, Menu) or (isinstance(thing, Phone) and (thing.place == "test" or thing.voicemail)):
        return number
    seen |= {number}
    if isinstance(thing, Phone):
        return _answers(things, thing.forward, seen) if thing.forward else ""
    inner = [one for one in thing.members if not _telephone(things.get(one))]  # of a telephone only the bell rings
    return next((by for one in inner if (by := _answers(things, one, seen))), "")


def _telephone(thing: Phone | Group | Menu | None) -> bool:
    return isinstance(thing, Phone) and thing.place not in {"test", "group"}
