"""A short code is dialled as digits that mean nothing else, and rings an extension that exists."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import numbers

_LONGEST = 8  # digits; public short codes have up to seven
_LOCAL = 7  # digits of a number of the own area, which is dialled without its code


def check(region: Region) -> Iterable[Finding]:
    if not region.numbering.short_codes:
        return
    declared = {thing.number for _, thing in numbers(region)}
    for code, number in region.numbering.short_codes.items():
        key = f"short_codes.{code}"
        if not (code.isascii() and code.isdecimal()):
            yield Finding(region.numbering, key, f"{code!r} cannot be dialled", "write digits only")
        elif why := _taken(code):
            yield Finding(region.numbering, key, f"{code} {why}", "take up to six digits that begin with 1 to 8")
        if number not in declared:
            what = f"{number} is no declared extension"
            yield Finding(region.numbering, key, what, nearest_or_all(number, declared, "extension"))


def _taken(code: str) -> str:
    """What else the same digits would mean."""
    if code[0] in "09":
        return f"begins with {code[0]}, which {'leads to the outside line' if code[0] == '0' else 'is never used'}"
    if len(code) > _LONGEST:
        return f"has {len(code)} digits, {_LONGEST} at most"
    return "looks like a number of the own area" if code[0] != "1" and len(code) >= _LOCAL else ""
