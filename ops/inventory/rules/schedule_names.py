"""No two schedules have the same name: what has run already is remembered by it."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Claim, claimed_twice


def check(region: Region) -> Iterable[Finding]:
    claims = (Claim(one.name, one, "name", "another schedule") for one in region.schedules)
    return claimed_twice(claims, "give each schedule a name of its own")
