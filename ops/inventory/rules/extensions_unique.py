"""No extension is given twice."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Claim, claimed_twice, phones


def check(region: Region) -> Iterable[Finding]:
    claims = [Claim(phone.number, phone, "number", f"{opd.code} {phone.name}") for opd, phone in phones(region)]
    return claimed_twice(claims, "take a free number of the office's range")
