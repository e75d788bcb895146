"""When a device is read over SSH: now and then, never so that a poll waits, and within a budget.

A reading runs in a thread of its own. A device gets `Budget.seconds` for a reading, one login per `Budget.every`
seconds, and is left alone for a while after it failed several times in a row.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from exporters.breaker import Breaker, Patience
from ops.errors import HostFailedError
from ops.system.device_cli import DeviceLogin

_log = logging.getLogger(__name__)
_LEAST_SECONDS = 1.0  # a command that would get less is not begun


@dataclass(frozen=True)
class Budget:
    """What one device may cost. `seconds`: for one reading, login included · `every`: seconds from one to the next ·
    `stale`: age in seconds at which figures are served no more."""

    seconds: float = 30.0
    every: float = 300.0
    stale: float = 900.0
    patience: Patience = field(default_factory=Patience)


class OverBudgetError(HostFailedError):
    """The device is too slow for its budget; what it told so far is kept."""


class Turns(ABC):
    """One device's readings. What is read, and what is kept of it, says who derives from this."""

    def __init__(self, login: DeviceLogin, budget: Budget, clock: Callable[[], float]) -> None:
        self._login, self._budget, self._clock = login, budget, clock
        self._breaker = Breaker(budget.patience)
        self._begun = float("-inf")
        self.went = self.failed = 0  # readings
        self._lock = threading.Lock()

    @abstractmethod
    def take(self, deadline: float) -> None:
        """Read and keep, until `deadline` by the clock. HostFailedError: the device is away or too slow."""

    def refresh(self, pool: Executor) -> bool:
        """Begin a reading in `pool` if one is due and the device may be tried. Never waits."""
        with self._lock:
            now = self._clock()
            if now - self._begun < self._budget.every or not self._breaker.may_try(now):
                return False
            self._begun = now
        pool.submit(self.read).add_done_callback(self._ended)
        return True

    def read(self) -> bool:
        """One reading, in the calling thread. Whether it went well; what went wrong is logged."""
        try:
            self.take(self._clock() + self._budget.seconds)
        except HostFailedError as error:
            _log.warning("%s", error.what)
            with self._lock:
                self._breaker.failed(self._clock())
                self.failed += 1
            return False
        with self._lock:
            self._breaker.went_well()
            self.went += 1
        return True

    @property
    def suspended(self) -> bool:
        """Whether the device is left alone because it failed again and again."""
        with self._lock:
            return self._breaker.is_open(self._clock())

    def _ended(self, reading: Future[bool]) -> None:
        """A reading that was dropped before it began, or met an error of ours, must not stand for one that goes on."""
        error = None if reading.cancelled() else reading.exception()
        if error:
            _log.error("%s: %r", self._login.name, error)
        if error or reading.cancelled():
            with self._lock:
                self._breaker.dropped()


def time_left(deadline: float, clock: Callable[[], float], name: str) -> float:
    """Seconds that are left of this device's budget. OverBudgetError when they are too few for one more command."""
    left = deadline - clock()
    if left < _LEAST_SECONDS:
        raise OverBudgetError(name, "SSH: its time for one reading is used up")
    return left
