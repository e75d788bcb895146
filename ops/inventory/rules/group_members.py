"""A group rings somebody, at most 20 at once whatever groups are in it, nobody twice, and no number that answers by
itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Group, Menu, Phone, Region
from ops.inventory.walk import numbers

_DESKS = frozenset({"reception", "desk"})  # whom an extension `place: group` rings
_LEGS = 20  # telephones that one call may ring at once


def check(region: Region) -> Iterable[Finding]:
    things = Things(region)
    for opd in region.opds:
        for group in opd.phones.groups if opd.phones else ():
            yield from _of(group, things)
        for phone in opd.phones.extensions if opd.phones else ():
            if things.rings.get(phone.number, 1) > _LEGS:
                what = f"{things.rings[phone.number]} telephones ring together, {_LEGS} at most"
                yield Finding(phone, "place", what, "below phones.groups: a group with ring: in-turn, or some of them")


class Things(dict[str, Phone | Group | Menu]):
    """What has a number, by it. `rings`: how many telephones an extension `place: group` rings, its office's desks and
    its reception."""

    def __init__(self, region: Region) -> None:
        super().__init__({thing.number: thing for _, thing in numbers(region)})
        self.rings: dict[str, int] = {}
        for opd in region.opds:
            phones = opd.phones.extensions if opd.phones else ()
            desks = sum(phone.place in _DESKS for phone in phones)
            self.rings |= {phone.number: desks for phone in phones if phone.place == "group"}


def _of(group: Group, things: Things) -> Iterable[Finding]:
    if not group.members:
        yield Finding(group, "members", "nobody is in this group", "name at least one extension")
    twice = sorted(number for number, count in Counter(group.members).items() if count > 1)
    if twice:
        yield Finding(group, "members", f"{twice[0]} is in this group twice", "name it once")
    legs = _legs(group, things, frozenset())
    if legs > _LEGS:
        what = f"{legs} members ring together, {_LEGS} at most"
        yield Finding(group, "members", what, "write ring: in-turn, or make two groups")
    for at, number in enumerate(group.members):
        if getattr(things.get(number), "place", "") == "test":
            what = f"{number} answers by itself, so nobody else would ever ring"
            yield Finding(group, f"members.{at}", what, "take the number to test with out of the group")


def _legs(thing: Phone | Group | Menu | None, things: Things, seen: frozenset[str]) -> int:
    """How many telephones ring at once; a loop is another rule's."""
    if not isinstance(thing, Group) or thing.number in seen:
        return things.rings.get(thing.number, 1) if thing else 1
    each = [_legs(things.get(number), things, seen | {thing.number}) for number in thing.members]
    return sum(each) if thing.ring == "together" else max(each, default=0)
