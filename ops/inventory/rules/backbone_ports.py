"""A segment's backbone port stands at one of the segment's ends."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    for segment in region.plant.segments:
        for at, port in enumerate(segment.ports):
            if port.node not in segment.between:
                yield Finding(
                    segment,
                    f"ports.{at}.node",
                    f"{port.node} is no end of {segment.name}",
                    f"it lies between {' and '.join(segment.between)}",
                )
