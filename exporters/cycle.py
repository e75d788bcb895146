"""One cycle over all devices of the service, side by side on one socket, and its text.

Those that answer plainly cost one packet and no task; those that need more (a first look, a moved port, SNMPv3) are
asked by themselves, a bounded number at a time. A device that was silent the last time is asked too, but not waited
for: what is told of it is what was seen before, and what it says counts from the next cycle on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence

from exporters.device import Polled
from exporters.sheet import Filled, page
from ops.system.snmp_cycle import Found, Wanted, poll

IN_FLIGHT = 64  # devices that are asked by themselves at the same time


class Cycle:
    """Polls all of `devices` at each `run`."""

    def __init__(self, devices: Iterable[Polled]) -> None:
        self._devices = list(devices)
        self._gate, self._silent_gate, self._way_gate = (asyncio.Semaphore(IN_FLIGHT) for _ in range(3))
        self._later: dict[int, asyncio.Task[None]] = {}  # silent devices being asked, by place
        self._looking: dict[int, asyncio.Task[None]] = {}
        self.seconds = 0.0  # that the last run took

    async def run(self) -> str:
        """Prometheus text of all devices, as they answer now."""
        start = time.monotonic()
        told: list[Filled | None] = [None] * len(self._devices)
        waited = []
        for at, device in enumerate(self._devices):
            if device.silent:
                told[at] = device.last
                self._ask_later(at)
            else:
                waited.append(at)
        await self._ask(waited, told)
        self._look()
        self.seconds = time.monotonic() - start
        parts = (part for at, one in enumerate(told) if one for part in self._devices[at].parts(one))
        return page(parts)

    async def close(self) -> None:
        """End what still goes on in the background."""
        tasks = [*self._later.values(), *self._looking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, places: Sequence[int], told: list[Filled | None]) -> None:
        quick: list[tuple[int, Wanted]] = []
        alone: list[asyncio.Task[None]] = []

        async def by_itself(at: int) -> None:
            async with self._gate:
                told[at] = await self._devices[at].slow()

        def tell(place: int, found: Found, seconds: float) -> None:
            at = quick[place][0]
            told[at] = self._devices[at].took(found, seconds)
            if told[at] is None:
                alone.append(asyncio.create_task(by_itself(at)))

        for at in places:
            wanted = self._devices[at].quick()
            if wanted is None:
                alone.append(asyncio.create_task(by_itself(at)))
            else:
                quick.append((at, wanted))
        await poll([one for _, one in quick], tell)
        while pending := [task for task in alone if not task.done()]:
            await asyncio.wait(pending)
        for task in alone:
            task.result()

    def _ask_later(self, at: int) -> None:
        async def ask() -> None:
            async with self._silent_gate:
                await self._devices[at].slow()

        if at not in self._later or self._later[at].done():
            self._later[at] = asyncio.create_task(ask())

    def _look(self) -> None:
        """Measure the way to every office, for the next cycle."""

        async def look(device: Polled) -> None:
            async with self._way_gate:
                await device.look()

        for at, device in enumerate(self._devices):
            if device.looks and (at not in self._looking or self._looking[at].done()):
                self._looking[at] = asyncio.create_task(look(device))
