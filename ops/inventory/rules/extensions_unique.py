"""No extension is given twice."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Claim, claimed_twice, numbers


def check(region: Region) -> Iterable[Finding]:
    claims = [Claim(thing.number, thing, "number", f"{opd.code} {thing.name}") for opd, thing in numbers(region)]
    return claimed_twice(claims, "take a free number of the office's range")
