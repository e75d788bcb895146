"""How long one device is waited for, try by try: as it answered before, or as its profile says."""

from __future__ import annotations

PATIENCE = (0.5, 1.0, 2.0)  # seconds of waiting, try by try
MOST_PATIENCE = 10.0
MOST_DOUBLINGS = 2  # of one that stays silent: it may only be slow, and such are asked beside the others
WALK_SECONDS = 15.0
WALK_ANSWERS = 8  # a walk of a slow device may take as long as so many of its answers
MARGIN = 3  # times what its answers take, smoothed, is every try of a slow device: one sample counts half
_SLOW = 0.125  # seconds: whoever answers faster is asked with the patience for all


class Patience:
    """`least`: seconds that its profile wants it waited for at each try; 0 where it says nothing.

    `waits`: seconds try by try; longer for a slow device, and one try more for one that answered the last time: of a
    thousand devices none shall fail for three packets lost in a row. `slow`: seconds that its answers take, smoothed.
    """

    __slots__ = ("_expected", "_known", "_silences", "least", "slow", "waits")

    def __init__(self, least: float = 0.0) -> None:
        self.least, self.slow = least, 0.0
        self._expected = _SLOW  # `slow` when `waits` was made
        self._known, self._silences = False, 0
        self.waits: tuple[float, ...] = ()
        self._be(PATIENCE)

    @property
    def walk(self) -> float:
        """Seconds that a walk may take."""
        return max(WALK_SECONDS, WALK_ANSWERS * max(self.least, self.slow))

    def heard(self, seconds: float) -> None:
        """An answer came so long after the first try."""
        self.slow += (seconds - self.slow) / (2 if seconds > self.slow else 8)
        if not self._known or not self._expected / 2 <= max(self.slow, _SLOW) <= self._expected * 1.1:
            self._known, self._silences = True, 0
            self._be((PATIENCE[0] / 2, *PATIENCE))

    def unheard(self) -> None:
        """No answer came in all tries."""
        if self._known:
            self._known = False
            self._be(PATIENCE)
        elif self._silences < MOST_DOUBLINGS:
            self._silences += 1
            self._be([wait * 2**self._silences for wait in PATIENCE])

    def _be(self, waits: tuple[float, ...] | list[float]) -> None:
        self._expected = max(self.slow, _SLOW)
        most = max(MOST_PATIENCE, self.least)
        self.waits = tuple(min(most, max(wait, MARGIN * self.slow, self.least)) for wait in waits)
