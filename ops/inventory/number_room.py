"""Offices whose range of numbers is nearly used up. No reason to refuse an inventory: everything in it still works, and
a larger range means new numbers for a whole office."""

from __future__ import annotations

from typing import NamedTuple

from ops.inventory.model import Opd, Region

_FULL = 90  # percent of a range


class Narrow(NamedTuple):
    """One such office. `free`: numbers that nobody has."""

    at: str
    opd: str
    range: str
    free: int


def narrow(region: Region) -> list[Narrow]:
    """Offices of which more than 90 % of the numbers are taken."""
    return [found for opd in region.opds if (found := _of(opd))]


def _of(opd: Opd) -> Narrow | None:
    if not opd.phones:
        return None
    first, last = (int(end) for end in opd.phones.range.split("-"))
    size, taken = last - first + 1, len(opd.phones.taken)
    return Narrow(opd.phones.at, opd.code, opd.phones.range, size - taken) if taken * 100 > size * _FULL else None
