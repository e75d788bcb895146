"""A short code is dialled as digits and rings an extension that exists."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import numbers


def check(region: Region) -> Iterable[Finding]:
    if not region.numbering.short_codes:
        return
    declared = {thing.number for _, thing in numbers(region)}
    for code, number in region.numbering.short_codes.items():
        key = f"short_codes.{code}"
        if not code.isdecimal():
            yield Finding(region.numbering, key, f"{code!r} cannot be dialled", "write digits only")
        if number not in declared:
            what = f"{number} is no declared extension"
            yield Finding(region.numbering, key, what, nearest_or_all(number, declared, "extension"))
