"""What a device said that is not waited for: told as long as it is new, and never to the same Prometheus twice."""

from __future__ import annotations

from exporters.sheet import Filled

OLD_SECONDS = 90.0  # of an answer: scrapes are a minute apart at most
SAME_SECONDS = 5.0  # so long one answer is told to all who ask; the next scrape of the same Prometheus comes later


class Kept:
    """The last answer, if it is worth keeping. Times in seconds of a clock that only goes on."""

    def __init__(self) -> None:
        self._answer: Filled | None = None
        self._came = 0.0
        self._told: float | None = None  # when it was first

    def keep(self, answer: Filled | None, now: float) -> None:
        self._answer, self._came, self._told = answer, now, None

    def is_new(self, now: float) -> bool:
        """Whether there is something to tell."""
        if self._answer is None or now - self._came > OLD_SECONDS:
            return False
        return self._told is None or now - self._told < SAME_SECONDS

    def tell(self, now: float) -> Filled | None:
        """The answer, if it is new: an old counter told once more would look like a line that carries nothing."""
        if not self.is_new(now):
            return None
        self._told = now if self._told is None else self._told
        return self._answer
