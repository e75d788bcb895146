"""The second copy stands on another machine than the first, and where anything is scheduled it is, too."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    recovery = region.recovery
    place = recovery.copy_to
    if place is None:
        return
    if place.server == recovery.vault.server:
        what = f"{place.server} holds the first copy: who breaks it has both"
        yield Finding(place, "server", what, "name a server in another building")
    if region.schedules and not any(schedule.job == "copy" for schedule in region.schedules):
        yield Finding(place, "server", "nothing copies the repositories there", "schedule job: copy each night")
