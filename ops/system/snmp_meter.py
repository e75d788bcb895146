"""Counts every packet that gufo_snmp sends for a device, and ends what would go on for ever."""

from __future__ import annotations

from ops.system.snmp_plain import Tally


class TooManyError(Exception):
    """One question has had its share of packets."""


class Meter:
    """It stands where gufo wants a policer: asked before every packet."""

    def __init__(self, tally: Tally) -> None:
        self._tally, self._left = tally, 0

    def allow(self, packets: int) -> None:
        """What the next question may cost."""
        self._left = packets

    async def wait(self) -> None:
        """TooManyError when that is used up."""
        if self._left <= 0:
            raise TooManyError
        self._left -= 1
        self._tally.packets += 1
