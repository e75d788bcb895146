"""Only emergency numbers can be answered by the regency itself."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all


def check(region: Region) -> Iterable[Finding]:
    emergency = set(region.numbering.emergency)
    for code in region.numbering.call_centre:
        if code not in emergency:
            what = f"{code} is no emergency number"
            yield Finding(region.numbering, f"call_centre.{code}", what, nearest_or_all(code, emergency, "number"))
