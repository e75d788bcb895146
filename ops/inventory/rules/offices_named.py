"""Freezes and schedules name offices that exist."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Declared, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import named_in


def check(region: Region) -> Iterable[Finding]:
    known = {opd.code for opd in region.opds}
    for thing, key, code in _named(region):
        if code not in known:
            yield Finding(thing, key, f"{code} is no office", nearest_or_all(code, known, "office"))


def _named(region: Region) -> Iterable[tuple[Declared, str, str]]:
    """Thing, its key, the office named there."""
    for freeze in region.policies.freezes:
        for at, code in enumerate(freeze.opds):
            yield freeze, f"opds.{at}", code
    for schedule in region.schedules:
        for key, code in named_in(schedule, "opd"):
            yield schedule, key, code
