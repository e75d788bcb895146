"""A trunk's block of numbers is valid and its own, and emergency calls keep a channel."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.outside import valid
from ops.inventory.walk import Span, overlapping


def check(region: Region) -> Iterable[Finding]:
    spans = []
    for trunk in region.numbering.trunks:
        first, last = trunk.numbers.split("-")
        if len(first) != len(last) or first > last:
            what = f"{trunk.numbers} is no block that runs upwards"
            yield Finding(trunk, "numbers", what, "both ends have the same number of digits, the lower one first")
            continue
        if wrong := [number for number in (first, last) if not valid(number)]:
            yield Finding(trunk, "numbers", f"{wrong[0]} is no number of any country's plan", "see the contract")
        spans.append(Span(int(first), int(last), trunk, "numbers", trunk.name, trunk.numbers))
        if trunk.emergency_channels >= trunk.channels:
            what = f"{trunk.emergency_channels} of {trunk.channels} channels are kept for emergencies"
            yield Finding(trunk, "emergency_channels", what, "leave at least one for ordinary calls")
        if bool(trunk.user) != bool(trunk.secret):
            yield Finding(trunk, "", "user and secret belong together", "write both, or none")
    yield from overlapping(spans, "each block belongs to one trunk")
