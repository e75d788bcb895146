"""No two telephones have the same MAC."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Claim, claimed_twice, phones


def check(region: Region) -> Iterable[Finding]:
    claims = [
        Claim(phone.mac, phone, "mac", f"{opd.code} {phone.number}") for opd, phone in phones(region) if phone.mac
    ]
    return claimed_twice(claims, "read it from the label under the telephone")
