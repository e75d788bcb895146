"""What the project promises, beside what a benchmark found: one line each, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple


class Limit(NamedTuple):
    """`found`: None where it could not be measured: told, and breaks nothing. `least`: it must reach the bound."""

    what: str
    found: float | None
    bound: float
    least: bool = False

    @property
    def held(self) -> bool:
        if self.found is None:
            return True
        return self.found >= self.bound if self.least else self.found <= self.bound

    def __str__(self) -> str:
        if self.found is None:
            return f"not measured: {self.what}"
        said = "held" if self.held else "BROKEN"
        return f"{said}: {self.what} {self.found:g} {'>=' if self.least else '<='} {self.bound:g}"


def judged(limits: Iterable[Limit]) -> int:
    """Exit code 1 when one is broken."""
    all_ = list(limits)
    for one in all_:
        sys.stderr.write(f"{one}\n")
    return int(not all(one.held for one in all_))


def over(*rows: tuple[str, float, float]) -> int:
    """`rows`: what, measured, at most. 1 when one of them is over it."""
    return judged(Limit(*row) for row in rows)
