"""Whatever is rung by a group, a menu, a forwarding, a direct number or an emergency number is declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ops.inventory.finding import Finding
from ops.inventory.model import Declared, Phones, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import numbers


def check(region: Region) -> Iterable[Finding]:
    known = {thing.number for _, thing in numbers(region)}
    for thing, key, number in _rung(region):
        if number not in known:
            yield Finding(thing, key, f"{number} is no declared extension", nearest_or_all(number, known, "extension"))


def _rung(region: Region) -> Iterator[tuple[Declared, str, str]]:
    """Who rings whom: the thing, the key that says so, the number."""
    for code, number in region.numbering.call_centre.items():
        yield region.numbering, f"call_centre.{code}", number
    for opd in region.opds:
        if opd.phones:
            yield from _of_an_office(opd.phones)


def _of_an_office(phones: Phones) -> Iterator[tuple[Declared, str, str]]:
    for phone in phones.extensions:
        if phone.forward:
            yield phone, "forward", phone.forward
    for group in phones.groups:
        yield from ((group, f"members.{at}", number) for at, number in enumerate(group.members))
    for menu in phones.menus:
        yield from ((menu, f"keys.{key}", number) for key, number in menu.keys.items())
        if menu.closed:
            yield menu, "closed", menu.closed
    for outside, number in phones.direct_dial.items():
        yield phones, f"direct_dial.{outside}", number
