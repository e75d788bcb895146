"""A short code is dialled as digits and rings an extension that exists."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import phones


def check(region: Region) -> Iterable[Finding]:
    if not region.numbering.short_codes:
        return
    numbers = {phone.number for _, phone in phones(region)}
    for code, number in region.numbering.short_codes.items():
        key = f"short_codes.{code}"
        if not code.isdecimal():
            yield Finding(region.numbering, key, f"{code!r} cannot be dialled", "write digits only")
        if number not in numbers:
            what = f"{number} is no declared extension"
            yield Finding(region.numbering, key, what, nearest_or_all(number, numbers, "extension"))
