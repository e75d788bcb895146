"""Who may call outside has a class that exists, with limits, and there is a trunk to call over."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Phone, Phones, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.telephony import NO_CLASS
from ops.inventory.walk import Claim, claimed_twice


def check(region: Region) -> Iterable[Finding]:
    yield from claimed_twice(
        (Claim(one.name.casefold(), one, "name", f"class {one.name}") for one in region.numbering.classes),
        "name it differently",
    )
    for one in region.numbering.classes:
        if one.name == NO_CLASS:
            yield Finding(one, "name", f"{NO_CLASS} means: nobody outside", "name it differently")
        if len({*one.to}) < len(one.to):
            yield Finding(one, "to", "the same kind of numbers stands there twice", "write it once")
    known = {one.name for one in region.numbering.classes} | {NO_CLASS}
    for opd in region.opds:
        users: tuple[Phones | Phone, ...] = (opd.phones, *opd.phones.extensions) if opd.phones else ()
        for thing in users:
            if thing.outbound is None:
                continue
            if thing.outbound not in known:
                what = f"{thing.outbound} is no class of the region"
                yield Finding(thing, "outbound", what, nearest_or_all(thing.outbound, known, "class"))
            elif thing.outbound != NO_CLASS and not region.numbering.trunks:
                what = f"class {thing.outbound}, but the region has no trunk"
                yield Finding(thing, "outbound", what, "declare numbering.trunks in region.yml")
