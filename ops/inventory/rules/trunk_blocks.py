"""A trunk's block of numbers is valid and its own, and emergency calls keep a channel."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.outside import valid
from ops.inventory.walk import Span, overlapping


def check(region: Region) -> Iterable[Finding]:
    spans = []
    trunks = region.numbering.trunks
    if trunks and not any(trunk.emergency_channels for trunk in trunks):
        what = "no trunk keeps a channel for emergency calls"
        yield Finding(trunks[0], "emergency_channels", what, "let one of them keep 1 at least")
    for trunk in trunks:
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
