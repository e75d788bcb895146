"""A menu offers keys that a telephone has, leads to somebody, and knows who rings when nothing is pressed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ops.inventory.finding import Finding
from ops.inventory.model import Menu, Region
from ops.inventory.nearest import nearest_or_all

_KEYS = frozenset("0123456789*#")


def check(region: Region) -> Iterable[Finding]:
    hours = {one.name for one in region.numbering.hours}
    menus = {menu.number: menu for opd in region.opds for menu in (opd.phones.menus if opd.phones else ())}
    for menu in menus.values():
        for key in menu.keys:
            if key not in _KEYS:
                yield Finding(menu, f"keys.{key}", f"{key!r} is no key of a telephone", "one of 0 to 9, * or #")
        if not menu.keys:
            yield Finding(menu, "keys", "this menu offers nothing", "name at least one key and whom it rings")
        elif not _leads_out(menu, menus):
            yield Finding(menu, "keys", "every key leads back to a menu", "let one key ring an extension or a group")
        if not menu.closed:
            what = "nobody rings when nothing is pressed"
            yield Finding(menu, "", what, "write closed: and an extension; out of hours it rings, too")
        if menu.hours and menu.hours not in hours:
            what = f"{menu.hours} is none of the region's hours"
            yield Finding(menu, "hours", what, nearest_or_all(menu.hours, hours, "hours"))


def _leads_out(menu: Menu, menus: Mapping[str, Menu]) -> bool:
    """Whether some keys in a row reach what is no menu."""
    seen, ahead = {menu.number}, [menu]
    while ahead:
        for number in ahead.pop().keys.values():
            if number not in menus:
                return True
            if number not in seen:
                seen.add(number)
                ahead.append(menus[number])
    return False
