"""Where names stand on a map so that none covers another: greedy, the most important first, always the same. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

WIDTH = 0.7  # of a letter, in its height: wide enough for bold letters of any font of a screen
HEIGHT = 1.25
_AWAY = (4.0, 22.0, 44.0, 70.0)  # distances from what is named that are tried
_CROSSED = 0.8  # how much it counts to stand on a line, in distances
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))  # right is read best


@dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def within(self, other: Box) -> bool:
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A name for what stands at x, y and reaches `radius` far. `size`: of its letters · `rank`: small is placed first.

    `must`: it is placed even where it covers something; others are left out then.
    """

    key: str
    text: str
    x: float
    y: float
    radius: float
    size: float
    rank: int = 0
    must: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """`x`, `y`: the middle of its base line · `far`: whether a line should lead to what it names."""

    wanted: Wanted
    box: Box
    far: bool

    @property
    def x(self) -> float:
        return (self.box.left + self.box.right) / 2

    @property
    def y(self) -> float:
        """Of the base line: a fifth of the height is below it."""
        return self.box.bottom - (self.box.bottom - self.box.top) * 0.24


Line = tuple[float, float, float, float]


def place(wanted: Iterable[Wanted], taken: Sequence[Box], lines: Sequence[Line], frame: Box) -> list[Label]:
    """Labels inside the frame that cover neither each other nor what is taken; lines are avoided where they can be."""
    placed: list[Label] = []
    for one in sorted(wanted, key=lambda each: (each.rank, each.key)):
        blocked = [*taken, *(label.box for label in placed)]
        if found := _best(one, blocked, lines, frame):
            placed.append(found)
    return placed


def _best(one: Wanted, blocked: Sequence[Box], lines: Sequence[Line], frame: Box) -> Label | None:
    """The free place nearest to what is named; for one that must stand somewhere, the place that covers least."""
    free: list[tuple[float, int, Label]] = []
    covering: list[tuple[int, int, Label]] = []
    for order, (ring, label) in enumerate(_candidates(one)):
        if not label.box.within(frame):
            continue
        covers = sum(label.box.meets(box) for box in blocked)
        if covers:
            covering.append((covers, order, label))
        else:
            free.append((ring + _CROSSED * sum(crosses(label.box, line) for line in lines), order, label))
    if free:
        return min(free, key=lambda each: each[:2])[2]
    return min(covering, key=lambda each: each[:2])[2] if one.must and covering else None


def _candidates(one: Wanted) -> Iterator[tuple[int, Label]]:
    width, height = len(one.text) * one.size * WIDTH, one.size * HEIGHT
    for ring, away in enumerate(_AWAY):
        reach = one.radius + away
        for across, down in _SIDES:
            slant = 0.75 if across and down else 1.0
            x = one.x + across * (reach * slant + width / 2)
            y = one.y + down * (reach * slant + height / 2)
            box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            yield ring, Label(one, box, ring > 1)


def crosses(box: Box, line: Line) -> bool:
    """Whether a line runs through a box (Liang–Barsky)."""
    x1, y1, x2, y2 = line
    low, high = 0.0, 1.0
    for start, step, least, most in ((x1, x2 - x1, box.left, box.right), (y1, y2 - y1, box.top, box.bottom)):
        if step == 0:
            if not least <= start <= most:
                return False
            continue
        enter, leave = sorted(((least - start) / step, (most - start) / step))
        low, high = max(low, enter), min(high, leave)
    return low <= high
