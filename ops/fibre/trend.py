"""Dimming: does a figure fall for good, how fast, and when will it cross its threshold. Robust, and shy of dates.

Theil–Sen slope over daily medians (one broken day or a third of wild readings do not move it). A date is given only
when the history is long enough, the fall is significant by Mann–Kendall, both halves of the history fall (a step, as
after a repair, is no trend) and the fall stands out from the day-to-day noise. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import median

DAY = 86_400.0
LEAST_DAYS = 14  # days with readings
MOST_POINTS = 60  # more days than that are thinned: all pairs are looked at
FARTHEST_DAYS = 3_650.0  # what is farther off is no date
_SIGNIFICANT = 3.3  # Mann–Kendall's z: one in a thousand by chance
_STANDS_OUT = 3.0  # the fall over the history, in median deviations of a day from the line
_LEAST_FALL = 0.3  # dB over the history: below that a module's own resolution plays tricks
_OF_EACH_HALF = 1 / 3  # of the whole slope that each half must show at least

Point = tuple[float, float]  # seconds, value


@dataclass(frozen=True, slots=True)
class Trend:
    """`slope`: units per day · `level`: where the line stands at the last day · `days`: of history."""

    slope: float
    level: float
    days: float

    def days_to(self, floor: float) -> float | None:
        """Days until the line falls to `floor`; 0 when it lies below, None when it does not within ten years."""
        if self.level <= floor:
            return 0.0
        away = (floor - self.level) / self.slope if self.slope < 0 else FARTHEST_DAYS + 1
        return away if away <= FARTHEST_DAYS else None


def trend(readings: Sequence[Point], least_move: float = _LEAST_FALL) -> Trend | None:
    """The lasting move of a figure, up or down; None on too little history, on noise and after a mere step.

    `least_move`: in the figure's own unit, over the whole history.
    """
    points = _thinned(_by_day(readings))
    if len(points) < LEAST_DAYS:
        return None
    slope = theil_sen(points)
    days = points[-1][0] - points[0][0]
    middle = median(value - slope * day for day, value in points)
    noise = median(abs(value - slope * day - middle) for day, value in points)
    moved = abs(slope) * days
    if moved < max(least_move, _STANDS_OUT * noise) or abs(_mann_kendall(points)) < _SIGNIFICANT:
        return None
    half = len(points) // 2
    if any(theil_sen(part) * slope < slope * slope * _OF_EACH_HALF for part in (points[:half], points[half:])):
        return None
    return Trend(slope, middle + slope * points[-1][0], days)


def days_known(readings: Sequence[Point]) -> int:
    """Days with readings; below LEAST_DAYS nothing is known of a lasting move."""
    return len(_by_day(readings))


def theil_sen(points: Sequence[Point]) -> float:
    """The median of the slopes between all pairs of points that lie apart; 0 for a single point."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if b[0] != a[0]]
    return median(slopes) if slopes else 0.0


def _by_day(readings: Sequence[Point]) -> list[Point]:
    """(day, median of its readings), by day; days count from the first one."""
    days: dict[int, list[float]] = {}
    for at, value in readings:
        days.setdefault(int(at // DAY), []).append(value)
    first = min(days, default=0)
    return [(float(day - first), median(days[day])) for day in sorted(days)]


def _thinned(points: list[Point]) -> list[Point]:
    """At most MOST_POINTS, each the median of neighbours in time."""
    step = -(-len(points) // MOST_POINTS)
    groups = [points[at : at + step] for at in range(0, len(points), step)] if points else []
    return [(median(day for day, _ in group), median(value for _, value in group)) for group in groups]


def _mann_kendall(points: Sequence[Point]) -> float:
    """How far the count of rises less falls is from chance, in standard deviations (no correction for ties)."""
    count = len(points)
    score = sum((b[1] > a[1]) - (b[1] < a[1]) for a, b in combinations(points, 2))
    spread = sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return (score - (score > 0) + (score < 0)) / spread
