"""A name fits the screen of a telephone and is no command to it."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import numbers

_LONGEST = 40  # characters on the smallest screen, scrolled once


def check(region: Region) -> Iterable[Finding]:
    for _, thing in numbers(region):
        if len(thing.name) > _LONGEST:
            what = f"{len(thing.name)} characters, a telephone shows {_LONGEST}"
            yield Finding(thing, "name", what, "write it shorter")
        if thing.name.startswith("*"):
            yield Finding(thing, "name", f"{thing.name} begins like a code that is dialled", "begin with a letter")
