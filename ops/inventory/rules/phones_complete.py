"""An office with telephones has one reception and one number to test with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region

_NEEDED = {"reception": "who answers when nobody else does", "test": "the number that proves the office's calls"}


def check(region: Region) -> Iterable[Finding]:
    for opd in region.opds:
        if opd.phones:
            places = Counter(phone.place for phone in opd.phones.extensions)
            for place, why in _NEEDED.items():
                if places[place] != 1:  # type: ignore[index]
                    what = f"{places[place] or 'no'} extension with place: {place}, one is wanted"  # type: ignore[index]
                    yield Finding(opd.phones, "extensions", what, why)
