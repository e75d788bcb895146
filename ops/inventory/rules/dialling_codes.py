"""Country and area code are those of a country that exists, of its fixed network, and of the trunks' numbers."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region

_MOBILE = {"62": "8"}  # the digit that mobile numbers of a country begin with


def check(region: Region) -> Iterable[Finding]:
    plan = region.numbering
    mobile = _MOBILE.get(plan.country_code)
    if mobile and plan.area_code.startswith(mobile):
        what = f"{plan.area_code} is the beginning of mobile numbers"
        yield Finding(plan, "area_code", what, "else every call to them would pass for a local one")
    for trunk in plan.trunks:
        if not trunk.numbers.startswith(f"+{plan.country_code}"):
            what = f"{trunk.numbers} is not of country code {plan.country_code}"
            yield Finding(trunk, "numbers", what, "see numbering.country_code in region.yml")
