"""No number belongs to two offices, and every range runs upwards."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Span, overlapping


def check(region: Region) -> Iterable[Finding]:
    spans = []
    for opd in region.opds:
        if opd.phones:
            first, last = opd.phones.range.split("-")
            if int(first) > int(last):
                what = f"{opd.phones.range} runs downwards"
                yield Finding(opd.phones, "range", what, f"write {last}-{first}")
            else:
                spans.append(Span(int(first), int(last), opd.phones, "range", opd.code, opd.phones.range))
    yield from overlapping(spans, "give each office a block of its own")
