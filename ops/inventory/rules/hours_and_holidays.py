"""Hours and holidays are declared once each; a holiday is a whole day."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region
from ops.inventory.walk import Claim, claimed_twice

_DAY = len("2026-08-17")


def check(region: Region) -> Iterable[Finding]:
    plan = region.numbering
    yield from claimed_twice((Claim(one.name, one, "name", f"hours {one.name}") for one in plan.hours), "rename one")
    yield from claimed_twice((Claim(one.day, one, "day", one.name) for one in plan.holidays), "name the day once")
    for one in plan.holidays:
        if len(one.day) != _DAY:
            yield Finding(one, "day", f"{one.day} is a moment, a holiday is a whole day", f"write {one.day[:_DAY]}")
    for hours in plan.hours:
        texts = [window.text for window in hours.open]
        for at, text in enumerate(texts):
            if text in texts[:at]:
                yield Finding(hours, f"open.{at}", f"{text} stands there twice", "write it once")
