"""A trunk's password is of one account with one provider: else one of them learns what the other asks for."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region, Trunk


def check(region: Region) -> Iterable[Finding]:
    first: dict[str, Trunk] = {}
    for trunk in region.numbering.trunks:
        if not trunk.secret:
            continue
        other = first.setdefault(trunk.secret, trunk)
        if (other.provider, other.user) != (trunk.provider, trunk.user):
            what = f"{trunk.secret} is the password of {other.user} at {other.provider}, too ({other.name})"
            yield Finding(trunk, "secret", what, f"write trunk/{trunk.name.lower()}")
