"""A circuit breaker: what fails again and again is left alone for a while, then tried once. Pure: time is given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """`failures` in a row open the breaker for `pause` seconds; each further failure doubles it, up to `longest`."""

    failures: int = 3
    pause: float = 900.0
    longest: float = 14_400.0


class Breaker:
    """Closed: all may pass · open: nothing · half-open: one try, which decides."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._failed = 0
        self._until = float("-inf")
        self._trying = False

    def may_try(self, now: float) -> bool:
        """Whether a try may begin; one that begins must end with `went_well`, `failed` or `dropped`."""
        if self._trying or now < self._until:
            return False
        self._trying = True
        return True

    def went_well(self) -> None:
        self._failed, self._until, self._trying = 0, float("-inf"), False

    def failed(self, now: float) -> None:
        self._trying = False
        self._failed += 1
        over = self._failed - self._patience.failures
        if over >= 0:
            self._until = now + min(self._patience.pause * 2 ** min(over, 32), self._patience.longest)

    def dropped(self) -> None:
        """The try did not take place."""
        self._trying = False

    def is_open(self, now: float) -> bool:
        return now < self._until
