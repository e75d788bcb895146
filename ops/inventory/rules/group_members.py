"""A group rings somebody, at most 20 at once, and nobody twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region

_LEGS = 20  # telephones that one call may ring at once


def check(region: Region) -> Iterable[Finding]:
    for opd in region.opds:
        for group in opd.phones.groups if opd.phones else ():
            if not group.members:
                yield Finding(group, "members", "nobody is in this group", "name at least one extension")
            twice = sorted(number for number, count in Counter(group.members).items() if count > 1)
            if twice:
                yield Finding(group, "members", f"{twice[0]} is in this group twice", "name it once")
            if group.ring == "together" and len(group.members) > _LEGS:
                what = f"{len(group.members)} members ring together, {_LEGS} at most"
                yield Finding(group, "members", what, "write ring: in-turn, or make two groups")
