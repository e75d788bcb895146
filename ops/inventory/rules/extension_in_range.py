"""Every extension lies in its office's range."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    for opd in region.opds:
        if opd.phones:
            first, last = opd.phones.range.split("-")
            for thing in opd.phones.taken:
                if len(thing.number) != len(first) or not first <= thing.number <= last:
                    what = f"{thing.number} is outside the office's range {opd.phones.range}"
                    yield Finding(thing, "number", what, f"take a free number from {first} to {last}")
