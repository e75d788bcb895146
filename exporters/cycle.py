"""One cycle over all devices of the service, side by side on one socket, and its text.

Those that answer plainly cost one packet and no task; those that need more (a first look, a moved port, SNMPv3) are
asked by themselves. Whoever has not answered at the deadline is told as such and goes on being asked in the background:
what it says then counts in the next cycle, if it is new by then. A device that was silent or slow the last time is
asked too, but not waited for at all; ports that are due to be looked for again are looked for beside the polls.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from exporters.device import Polled
from exporters.places import Place
from exporters.sheet import Filled, page
from ops.errors import ToolMissingError
from ops.system.echo import echoes
from ops.system.snmp_cycle import Found, Wanted, poll

IN_FLIGHT = 64  # devices that are asked by themselves at the same time
LOOKING = 12  # devices whose ports are looked for at the same time: each holds its whole tables meanwhile
# Of a cycle: far below a scrape's 10 s, and a packet that was lost three times over is still answered by then.
DEADLINE_SECONDS = 3.0
Tell = Callable[[int, Filled], None]  # a device's place, what is told of it
_log = logging.getLogger(__name__)


class Cycle:
    """Polls all of `devices` at each `run`."""

    def __init__(self, devices: Iterable[Polled]) -> None:
        self._devices = list(devices)
        self._gate, self._beside_gate = asyncio.Semaphore(IN_FLIGHT), asyncio.Semaphore(IN_FLIGHT)
        self._look_gate = asyncio.Semaphore(min(LOOKING, IN_FLIGHT))
        self._asked: set[int] = set()  # devices whose answer is not there yet, by place
        self._renewed: set[int] = set()  # whose ports are being looked for again
        self._looking: set[int] = set()  # the ways to which are being measured
        self._tasks: set[asyncio.Task[Any]] = set()
        self.seconds = 0.0  # that the last run took

    async def run(self) -> str:
        """Prometheus text of all devices, as they answer now."""
        start = time.monotonic()
        told: list[Filled | None] = [None] * len(self._devices)
        waited = []
        for at, device in enumerate(self._devices):
            if at in self._asked:
                told[at] = device.meanwhile()
            elif device.is_beside:
                told[at] = device.meanwhile()
                self._by_itself(at, self._kept, self._beside_gate)
            else:
                waited.append(at)
        await self._ask(waited, told)
        self._look()
        self.seconds = time.monotonic() - start
        parts = (part for at, one in enumerate(told) if one for part in self._devices[at].parts(one))
        return page(parts)

    async def settled(self) -> None:
        """Wait until nothing goes on in the background."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """End what still goes on in the background."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, waited: Sequence[int], told: list[Filled | None]) -> None:
        """Ask these and wait for them, until the deadline at most."""
        left, complete = set(waited), asyncio.Event()

        def tell(at: int, answer: Filled) -> None:
            if at not in left:
                self._kept(at, answer)
                return
            told[at] = answer
            left.discard(at)
            if not left:
                complete.set()

        self._begin(waited, tell)
        if left:
            end = asyncio.get_running_loop().call_later(DEADLINE_SECONDS, complete.set)
            await complete.wait()
            end.cancel()
        for at in left:
            told[at] = self._devices[at].meanwhile()
        left.clear()

    def _begin(self, places: Sequence[int], tell: Tell) -> None:
        quick: list[tuple[int, Wanted]] = []
        for at in places:
            device = self._devices[at]
            wanted = device.quick()
            if wanted is None:
                self._by_itself(at, tell, self._gate if device.is_known else self._look_gate)
            else:
                quick.append((at, wanted))
            if device.is_due and at not in self._renewed:
                self._go(self._renew(at), self._renewed, [at])
        if quick:
            self._go(self._together(quick, tell), self._asked, [at for at, _ in quick], tell)

    async def _together(self, quick: Sequence[tuple[int, Wanted]], tell: Tell) -> None:
        """All that can be asked on one socket."""

        def took(place: int, found: Found, seconds: float) -> None:
            at = quick[place][0]
            answer = self._devices[at].took(found, seconds)
            self._asked.discard(at)
            if answer is None:
                self._by_itself(at, tell, self._gate)
            else:
                tell(at, answer)

        await poll([one for _, one in quick], took)

    def _by_itself(self, at: int, tell: Tell, gate: asyncio.Semaphore) -> None:
        async def ask() -> None:
            async with Place(gate):
                answer = await self._devices[at].slow()
            self._asked.discard(at)
            tell(at, answer)

        self._go(ask(), self._asked, [at], tell)

    async def _renew(self, at: int) -> None:
        async with Place(self._look_gate):
            await self._devices[at].renew()

    def _kept(self, at: int, answer: Filled) -> None:
        self._devices[at].keep(answer)

    def _look(self) -> None:
        """Measure the way to every office, for the next cycle."""
        if not self._looking and any(device.ways for device in self._devices):
            self._go(self._echoes(), self._looking, range(len(self._devices)))

    async def _echoes(self) -> None:
        """All ways together, on one socket."""
        ends = [device.ways for device in self._devices]
        try:
            found = iter(await echoes([way for ways in ends for way in ways]))
        except ToolMissingError:
            return  # what this process may not measure is not told
        for device, ways in zip(self._devices, ends, strict=True):
            if ways:
                device.went([next(found) for _ in ways])

    def _go(
        self, work: Coroutine[Any, Any, None], busy: set[int], places: Sequence[int], tell: Tell | None = None
    ) -> None:
        """Do it in the background; `places` are `busy` as long as it lasts. A fault of ours holds up nobody else."""
        busy.update(places)
        task = asyncio.create_task(work)
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                return
            error = task.exception()
            if error:
                _log.error("a poll has failed", exc_info=error)
            if error or tell is None:
                busy.difference_update(places)
            if error and tell:
                for at in places:
                    tell(at, self._devices[at].late())

        task.add_done_callback(ended)
