"""Every extension lies in its office's range."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    for opd in region.opds:
        if opd.phones:
            first, last = opd.phones.range.split("-")
            for phone in opd.phones.extensions:
                if len(phone.number) != len(first) or not first <= phone.number <= last:
                    what = f"{phone.number} is outside the office's range {opd.phones.range}"
                    yield Finding(phone, "number", what, f"take a free number from {first} to {last}")
