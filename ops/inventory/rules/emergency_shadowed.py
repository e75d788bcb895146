"""Nothing is equal to, or the beginning or continuation of, an emergency number or short code: no extension, no
number of a range that is still free, and no other short code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

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
    for code, other in combinations(region.numbering.short_codes, 2):
        if _shadows(code, other):
            what = f"{code} shadows the short code {other}"
            yield Finding(region.numbering, f"short_codes.{code}", what, _HINT)
    whole, beginnings = tuple(codes), {code[:end] for code in codes for end in range(1, len(code))}
    for _, thing in numbers(region):
        if thing.number.startswith(whole) or thing.number in beginnings:
            for code, what in codes.items():
                if _shadows(thing.number, code):
                    yield Finding(thing, "number", f"{thing.number} shadows {what} {code}", _HINT)
    yield from _ranges(region, codes)


def _ranges(region: Region, codes: Mapping[str, str]) -> Iterable[Finding]:
    """A range that holds, or could one day hold, a number beginning like a code."""
    for opd in region.opds:
        if opd.phones:
            first, last = opd.phones.range.split("-")
            for code, what in codes.items():
                size = len(first)
                low, high = (code + sign * size for sign in "09")
                if code.isdecimal() and low[:size] <= last and first <= high[:size]:
                    said = f"{opd.phones.range} holds numbers that shadow {what} {code}"
                    yield Finding(opd.phones, "range", said, _HINT)


def _shadows(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
