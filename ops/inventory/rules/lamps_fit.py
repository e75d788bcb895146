"""Each lamp stands on a key that its telephone has, one lamp a key, and shows somebody. The first key is the line."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ops.inventory.finding import Finding
from ops.inventory.known import phone_keys
from ops.inventory.model import Phone, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import numbers, phones

_LINE = 1


def check(region: Region) -> Iterable[Finding]:
    known = {thing.number for _, thing in numbers(region)} | region.numbering.short_codes.keys()
    for _, phone in phones(region):
        if phone.lamps and not phone.model:
            yield Finding(phone, "lamps", f"{phone.number} has no keys: it is no device", "remove lamps")
        elif phone.lamps and phone.model:
            yield from _of(phone, phone_keys(phone.model), known)


def _of(phone: Phone, keys: int, known: Collection[str]) -> Iterable[Finding]:
    shown: dict[str, str] = {}
    for key, number in phone.lamps.items():
        place = int(key) if key.isascii() and key.isdigit() else 0
        if place == _LINE:
            yield Finding(phone, f"lamps.{key}", "key 1 is the telephone's line", "begin with key 2")
        elif not _LINE < place <= keys:
            what = f"{phone.model} has no key {key}: it has {keys}"
            yield Finding(phone, f"lamps.{key}", what, f"write keys from 2 to {keys}, or buy a model with more")
        if number == phone.number:
            yield Finding(phone, f"lamps.{key}", f"{number} is this telephone itself", "show somebody else")
        elif number not in known:
            what = f"{number} is no declared extension or short code"
            yield Finding(phone, f"lamps.{key}", what, nearest_or_all(number, known, "number"))
        if number in shown:
            yield Finding(phone, f"lamps.{key}", f"{number} stands on key {shown[number]} already", "one key is enough")
        shown.setdefault(number, key)
