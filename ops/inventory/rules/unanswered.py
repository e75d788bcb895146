"""What happens to a call that nobody answers is one thing, and only a telephone has it; it ends at people."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Menu, Phone, Region
from ops.inventory.walk import numbers

_NO_TELEPHONE = ("test", "group")
_OF_TELEPHONES = ("forward", "voicemail", "outbound")


def check(region: Region) -> Iterable[Finding]:
    tests = {thing.number for _, thing in numbers(region) if getattr(thing, "place", "") == "test"}
    for _, thing in numbers(region):
        if isinstance(thing, Phone):
            yield from _of_a_phone(thing)
        on = thing.forward if isinstance(thing, Phone) else thing.closed if isinstance(thing, Menu) else None
        if on in tests:
            key = "forward" if isinstance(thing, Phone) else "closed"
            yield Finding(thing, key, f"{on} is a number to test with: nobody is there", "name a telephone or a group")


def _of_a_phone(phone: Phone) -> Iterable[Finding]:
    if phone.forward and phone.voicemail:
        what = "forward and voicemail: one of them would never happen"
        yield Finding(phone, "voicemail", what, "keep one of the two")
    for key in _OF_TELEPHONES if phone.place in _NO_TELEPHONE else ():
        if getattr(phone, key):
            what = f"a {phone.place} extension is no telephone and has no {key}"
            yield Finding(phone, key, what, f"remove {key}, or give the extension another place")
