"""A menu offers keys that a telephone has, in hours that the region declares."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.nearest import nearest_or_all

_KEYS = frozenset("0123456789*#")


def check(region: Region) -> Iterable[Finding]:
    hours = {one.name for one in region.numbering.hours}
    for opd in region.opds:
        for menu in opd.phones.menus if opd.phones else ():
            for key in menu.keys:
                if key not in _KEYS:
                    yield Finding(menu, f"keys.{key}", f"{key!r} is no key of a telephone", "one of 0 to 9, * or #")
            if not menu.keys:
                yield Finding(menu, "keys", "this menu offers nothing", "name at least one key and whom it rings")
            if menu.hours and menu.hours not in hours:
                what = f"{menu.hours} is none of the region's hours"
                yield Finding(menu, "hours", what, nearest_or_all(menu.hours, hours, "hours"))
