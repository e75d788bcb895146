"""A link rides on segments that exist."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import links


def check(region: Region) -> Iterable[Finding]:
    known = {segment.name for segment in region.plant.segments}
    for _, link in links(region):
        for at, name in enumerate(link.rides):
            if name not in known:
                hint = nearest_or_all(name, known, "segment")
                yield Finding(link, f"rides.{at}", f"{name} is no segment of fibre.yml", hint)
