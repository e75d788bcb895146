"""Nothing is equal to, or the beginning or continuation of, an emergency number or short code."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import numbers

_HINT = "a telephone that dials at the first match would never get through"


def check(region: Region) -> Iterable[Finding]:
    emergency = region.numbering.emergency
    codes = dict.fromkeys(region.numbering.short_codes, "the short code")
    codes |= dict.fromkeys(emergency, "the emergency number")
    for code in region.numbering.short_codes:
        for other in emergency:
            if _shadows(code, other):
                what = f"{code} shadows the emergency number {other}"
                yield Finding(region.numbering, f"short_codes.{code}", what, _HINT)
    whole, beginnings = tuple(codes), {code[:end] for code in codes for end in range(1, len(code))}
    for _, thing in numbers(region):
        if thing.number.startswith(whole) or thing.number in beginnings:
            for code, what in codes.items():
                if _shadows(thing.number, code):
                    yield Finding(thing, "number", f"{thing.number} shadows {what} {code}", _HINT)


def _shadows(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
