"""Schedules name backup sets that exist, as `simpus` or `dinkes.simpus`."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import backups, named_in


def check(region: Region) -> Iterable[Finding]:
    if not region.schedules:
        return
    sets = {kept.name for _, kept in backups(region)}
    known = sets | {f"{opd.code}.{kept.name}" for opd, kept in backups(region)}
    for schedule in region.schedules:
        for key, name in named_in(schedule, "set"):
            if name not in known:
                yield Finding(schedule, key, f"{name} is no backup set", nearest_or_all(name, sets, "backup set"))
