"""Counters of 32 bits as counts that go on: at 1 Gbit/s such a counter wraps every 34 s.

A fall is a wrap where the port could have carried that much in the time; else, or after a restart, the counter was
cleared and the count begins again with it, which Prometheus takes for a reset. So there is never more than the line
could carry. With 64 bits none of this is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporters.collectors.contract import Port
from exporters.collectors.interface import COUNTERS, HIGH_SPEED, SPEED
from ops.system.snmp import Held

_TURN = 2**32
_UNSAID = 1_000_000_000  # bit/s of a port that does not tell: what has only 32 bits is seldom faster
_SLACK = 1.1  # clocks of two machines


@dataclass(frozen=True, slots=True)
class Narrow:
    """One such counter: whose it is (names stay, an ifIndex does not), its place in an answer, and its speed's."""

    key: tuple[str, str]
    place: int
    speed: int
    high_speed: int

    @classmethod
    def of(cls, port: Port, oids: Sequence[str]) -> Iterator[Narrow]:
        """The octet counters of a port, where an answer holds these OIDs."""
        speeds = [oids.index(f"{column}.{port.ifindex}") for column in (SPEED, HIGH_SPEED)]
        for name, columns in COUNTERS.items():
            if len(columns) > 1:
                yield cls((port.watched.ifname, name), oids.index(f"{columns[1]}.{port.ifindex}"), *speeds)

    def bits(self, row: Sequence[Held]) -> float:
        """Bits per second that the port can carry."""
        slow, fast = row[self.speed], row[self.high_speed]
        if isinstance(fast, int) and fast:
            return fast * 1e6
        return slow if isinstance(slow, int) and slow else _UNSAID


class Widened:
    """What has been counted of one device's 32-bit counters."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, int, float]] = {}  # raw, turns, when

    def widen(self, counters: Sequence[Narrow], row: list[Held], now: float, *, restarted: bool) -> None:
        """Put counts in the place of raw values. `now` in seconds."""
        if restarted:
            self._seen.clear()
        for one in counters:
            raw = row[one.place]
            if not isinstance(raw, int):
                continue
            before, turns, at = self._seen.get(one.key, (raw, 0, now))
            if raw < before:
                possible = one.bits(row) / 8 * (now - at) * _SLACK
                turns = turns + 1 if raw + _TURN - before <= possible else 0
            self._seen[one.key] = (raw, turns, now)
            row[one.place] = raw + turns * _TURN
