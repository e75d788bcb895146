"""A number outside is in the block of a trunk, rings in one office only, and an office shows one of its own."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Claim, claimed_twice


def check(region: Region) -> Iterable[Finding]:
    blocks = [trunk.numbers.split("-") for trunk in region.numbering.trunks]
    claims = []
    for opd in region.opds:
        if not opd.phones:
            continue
        for number in opd.phones.direct_dial:
            key = f"direct_dial.{number}"
            if not any(len(number) == len(first) and first <= number <= last for first, last in blocks):
                what = f"{number} is in no trunk's block"
                yield Finding(opd.phones, key, what, "see numbering.trunks in region.yml")
            claims.append(Claim(number, opd.phones, key, opd.code))
        shown = opd.phones.caller_id
        if shown and shown not in opd.phones.direct_dial:
            what = f"{shown} is none of the office's own direct numbers"
            yield Finding(opd.phones, "caller_id", what, "who calls back must reach it: list it below direct_dial")
        if region.numbering.trunks and not shown:
            what = "no caller_id, and the region has a trunk"
            yield Finding(opd.phones, "", what, "an emergency call must show from where it comes")
    yield from claimed_twice(claims, "one number rings in one office")
