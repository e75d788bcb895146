"""The country's own emergency numbers are all declared, once each, and none hides another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region

_ALWAYS = ("110", "112", "113", "115", "118", "119")  # library phonenumbers, region ID; 115: Basarnas


def check(region: Region) -> Iterable[Finding]:
    declared = region.numbering.emergency
    for number in _ALWAYS:
        if number not in declared:
            what = f"{number} is missing"
            yield Finding(region.numbering, "emergency", what, f"everybody may dial {', '.join(_ALWAYS)}")
    for number, count in Counter(declared).items():
        if count > 1:
            yield Finding(region.numbering, "emergency", f"{number} stands there twice", "write it once")
        if number.startswith("0"):
            what = f"{number} begins with 0, which leads to the outside line"
            yield Finding(region.numbering, "emergency", what, "it is no emergency number of this country")
        longer = [other for other in declared if other != number and other.startswith(number)]
        if longer:
            what = f"{number} is the beginning of {longer[0]}"
            yield Finding(region.numbering, "emergency", what, "a telephone dials the shorter one at once")
