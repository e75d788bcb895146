"""Numbers have the region's digits and do not begin with 0, 1 or 9: those lead out or to short codes."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import numbers

_TAKEN = {"0": "leads to the outside line", "1": "belongs to public short codes", "9": "is never used"}


def check(region: Region) -> Iterable[Finding]:
    digits = region.numbering.digits
    for opd in region.opds:
        if opd.phones:
            for number in opd.phones.range.split("-"):
                for what, hint in _wrong(number, digits):
                    yield Finding(opd.phones, "range", f"{opd.phones.range}: {what}", hint)
    for _, thing in numbers(region):
        for what, hint in _wrong(thing.number, digits):
            yield Finding(thing, "number", what, hint)


def _wrong(number: str, digits: int) -> Iterable[tuple[str, str]]:
    if len(number) != digits:
        yield (
            f"{number} has {len(number)} digits, the region's numbers have {digits}",
            "see numbering.digits in region.yml",
        )
    if number[0] in _TAKEN:
        yield f"{number} begins with {number[0]}, which {_TAKEN[number[0]]}", "begin with 2 to 8"
