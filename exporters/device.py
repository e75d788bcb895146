"""One router: find its declared ports once, then poll exactly those, all values in one packet.

A poll is either one of many on one socket (`exporters.cycle`) or asked for by itself (`poll`). Both read the answer in
the same way; whatever is out of the ordinary is asked again by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from exporters.collectors.contract import Port
from exporters.compiled import Compiled, Look, compiled
from exporters.discovery import Discovered, discover
from exporters.kept import Kept
from exporters.own import Own, own_recipes
from exporters.registry import recipes
from exporters.series import Series
from exporters.sheet import Filled, Sheet, page
from exporters.ways import Ways
from exporters.widened import Widened
from ops.catalogue.device import device
from ops.errors import HostFailedError, ToolMissingError
from ops.fibre.budget import of_link
from ops.inventory.model import Plant
from ops.inventory.watched import Watched, WatchedPort
from ops.system.echo import Echo, echoes
from ops.system.snmp import Held, Plain, SnmpDevice, Tally
from ops.system.snmp_cycle import Found, Trouble, Wanted, wanted

FRESH_SECONDS = 2.0  # polls asked for within this time share one answer
REDISCOVER_SECONDS = 3600.0
SLOW_SECONDS = 1.0  # a device that takes so long to answer is asked beside the others
ALONE_SECONDS = 8.0  # a poll of one device alone: who asks gives up after 10 s
SOME_DISCOVERIES, SOME_SECONDS = 6, 600.0  # no more of them in so long, however often a device says that it changed
_log = logging.getLogger(__name__)


class Polled:
    """A device that is polled on request. `watched`: its ports, at least one. `echoes`: measure round trips too.

    `beside`: tells the light of a device whose SNMP tells none; it never waits.
    """

    def __init__(
        self,
        snmp: SnmpDevice,
        watched: Sequence[Watched | WatchedPort],
        plant: Plant,
        *,
        echoes: bool = True,
        beside: Callable[[], Filled | None] | None = None,
    ) -> None:
        self._snmp, self._watched, self._plant = snmp, watched, plant
        self._echo = echoes and isinstance(watched[0], Watched)  # of the backbone only what its ports say is known
        self._beside = beside
        self._compiled: Compiled | None = None
        self._wanted: Wanted | None = None
        self._narrow: dict[str, bool] = {}  # by ifname
        self._widened = Widened()
        self._uptime = 0
        self._missing = -1  # how many values it did not have the last time
        self._looked: deque[float] = deque(maxlen=SOME_DISCOVERIES)  # when its ports were looked for
        self._discoveries = 0
        self._overdue = False
        self._polling: asyncio.Task[tuple[bool, str]] | None = None
        self._polled = -FRESH_SECONDS
        self._ways: Ways | None = None
        self._way: Filled | None = None
        self._asked: Compiled | None = None  # what the question on its way was made from
        self._since: float | None = None  # when it was sent, as long as there is no answer
        self._kept = Kept()
        self.silent = False  # whether it did not answer the last poll
        self.last: Filled | None = None  # what is told of a silent device

    async def poll(self) -> tuple[bool, str]:
        """Whether the device answered, and Prometheus text. Those who ask at once or soon after share one poll."""
        fresh = self._polling and (not self._polling.done() or time.monotonic() - self._polled < FRESH_SECONDS)
        if not fresh or self._polling is None:
            self._polling = asyncio.create_task(self._poll())
        done, _ = await asyncio.wait({self._polling}, timeout=ALONE_SECONDS)
        return self._polling.result() if done else (False, page(self.parts(self.late())))

    async def slow(self, *, look_again: bool = False) -> Filled:
        """Ask it by itself, with all that may need: discovery, smaller questions, patience.

        `look_again`: look for its ports anew first when that is due.
        """
        start = self._since = time.monotonic()
        try:
            row = await self._ask(look_again=look_again)
        finally:
            self._since = None
        return self._down(time.monotonic() - start) if row is None else self._filled(row, time.monotonic() - start)

    async def renew(self) -> None:
        """Look for its ports anew while it goes on being polled as before."""
        try:
            await self._discover()
        except HostFailedError as error:
            _log.warning("%s", error.what)
            self._overdue = False  # polls themselves will tell that it is silent

    def quick(self) -> Wanted | None:
        """What to ask it together with many others; None for a device that must be asked by itself."""
        way = self._snmp.way
        if self._compiled is None or not isinstance(way, Plain):
            return None
        if self._wanted is None or self._wanted.stale:
            self._wanted = wanted(way, self._compiled.packets)
        if self._wanted.oids != self._compiled.oids:
            return None
        self._asked, self._since = self._compiled, time.monotonic()
        return self._wanted

    def took(self, found: Found, seconds: float) -> Filled | None:
        """What such an answer gives; None when the device must be asked by itself."""
        self._since = None
        if found is Trouble.SILENT:
            return self._down(seconds)
        if isinstance(found, Trouble) or self._compiled is None or self._asked is not self._compiled:
            return None
        return None if self._moved(found, self._compiled) else self._filled(found, seconds)

    def late(self) -> Filled:
        """What is told of it at a deadline: that it has not answered; of one whose turn did not come, not even that."""
        if self._since is None:
            return Sheet([one for port in self._unseen() for one in recipes(port)], []).fill([])
        return self._promised(time.monotonic() - self._since)

    def keep(self, answer: Filled) -> None:
        """An answer that came too late for the cycle that asked: it may count in the next."""
        self._kept.keep(answer, time.monotonic())

    def meanwhile(self) -> Filled:
        """What is told of it while nobody waits for it: what came since the last cycle, else that it is late."""
        return self._kept.tell(time.monotonic()) or (self.last if self.silent and self.last else self.late())

    @property
    def is_known(self) -> bool:
        """Whether its ports have been found."""
        return self._compiled is not None

    @property
    def is_beside(self) -> bool:
        """Whether it is asked beside the cycle, which does not wait for it: it was silent, or is slow by nature."""
        if self.silent or self._snmp.patience > SLOW_SECONDS:
            return True
        return self._snmp.slow > SLOW_SECONDS and self._kept.is_new(time.monotonic())

    @property
    def is_due(self) -> bool:
        """Whether its ports are to be looked for again, beside the polls."""
        return self._compiled is not None and self._due()

    @property
    def tally(self) -> Tally:
        """What polling it has cost so far."""
        return self._snmp.tally

    @property
    def ways(self) -> list[str]:
        """Where the ways to its office end: what is asked for an echo."""
        return [str(one.link.address.ip) for one in self._watched if isinstance(one, Watched)] if self._echo else []

    def went(self, ways: Sequence[Echo]) -> None:
        """What echo said of its `ways`, in their order: told with the polls to come."""
        self._ways = self._ways or Ways(list(self._unseen()))
        self._way = self._ways.filled(ways)

    async def look(self) -> None:
        """Measure the way to the office, for polls to come; where this process may."""
        if ways := self.ways:
            with suppress(ToolMissingError):
                self.went(await echoes(ways))

    def parts(self, answer: Filled) -> list[Filled]:
        """A poll's answer, the way to the office, and light that is read in another way where SNMP tells none."""
        parts = [answer, self._way] if self._way else [answer]
        if self._beside is None or self._compiled is None or any(port.sensors for port in self._compiled.ports):
            return parts
        light = self._beside()
        return [*parts, light] if light else parts

    def close(self) -> None:
        self._snmp.close()

    async def _poll(self) -> tuple[bool, str]:
        _, answer = await asyncio.gather(self.look(), self.slow(look_again=True))
        self._polled = time.monotonic()
        return not self.silent, page(self.parts(answer))

    async def _ask(self, *, look_again: bool) -> list[Held] | None:
        """The declared ports' values; None when the device is silent. Finds the ports anew when they moved."""
        try:
            if self._compiled is None or (look_again and self._due()):
                await self._discover()
            row = await self._get()
            if self._compiled and self._moved(row, self._compiled) and self._may_look():
                if self._restarted(row):
                    self._narrow.clear()
                await self._discover()
                row = await self._get()
        except HostFailedError as error:
            _log.warning("%s", error.what)
            return None
        return row

    async def _get(self) -> list[Held]:
        while True:
            asked = self._compiled
            assert asked  # noqa: S101 # discovery comes first
            values = await self._snmp.get(asked.oids)
            if asked is self._compiled:  # else its ports were found anew meanwhile
                return [values.get(oid) for oid in asked.oids]

    def _due(self) -> bool:
        """Whether its ports are to be looked for again before the next poll."""
        assert self._compiled  # noqa: S101 # who asks has looked
        old = time.monotonic() - self._compiled.look.at > REDISCOVER_SECONDS
        return old or (self._overdue and self._may_look())

    def _may_look(self) -> bool:
        return len(self._looked) < SOME_DISCOVERIES or time.monotonic() - self._looked[0] > SOME_SECONDS

    def _moved(self, row: Sequence[Held], made: Compiled) -> bool:
        """Whether an ifIndex now belongs to another port, or the device was restarted or rebuilt its table."""
        return self._restarted(row) or row[1] != made.look.changed or not made.named_as_before(row)

    def _restarted(self, row: Sequence[Held]) -> bool:
        return isinstance(row[0], int) and row[0] < self._uptime

    async def _discover(self) -> None:
        self._discoveries += 1
        self._looked.append(time.monotonic())
        wanted = [one.ifname for one in self._watched]
        found = await discover(self._snmp, model=self._watched[0].router.model, state=False, wanted=wanted)
        ports = self._ports(found)
        self._compile(ports, Look.of(ports, found, time.monotonic()))
        self._overdue = False

    def _ports(self, found: Discovered) -> list[Port]:
        profile = device(self._watched[0].router.model)
        ports = []
        for one in self._watched:
            if there := found.named(one.ifname):
                sensors, narrow = found.of_port(there.ifindex, one.onu_ids), self._narrow.get(one.ifname)
                expected = self._expected(one)
                ports.append(Port(one, profile, str(there.ifindex), sensors, expected, narrow, there.ifalias))
        return ports

    def _compile(self, ports: Sequence[Port], look: Look) -> None:
        self._compiled = compiled(ports, look, self._own)
        self._wanted, self._missing = None, -1

    def _filled(self, row: list[Held], seconds: float) -> Filled:
        """What an answer means. Ports whose names do not fit are left out: their values are another's."""
        assert self._compiled  # noqa: S101 # it was asked
        self.silent = False
        made = self._compiled
        uptime = row[0] if isinstance(row[0], int) else 0
        restarted, self._uptime = uptime < self._uptime, uptime
        if not made.named_as_before(row):
            return self._fill(
                Sheet(self._own, self._places()), [], self._tell(up=True, seconds=seconds, values=len(row))
            )
        missing = row.count(None)
        if missing != self._missing:
            self._overdue |= self._missing >= 0  # a module was plugged in or taken out
            self._missing = missing
        if made.narrow:
            self._widened.widen(made.narrow, row, time.monotonic(), restarted=restarted)
        answer = self._fill(made.sheet, row, self._tell(up=True, seconds=seconds, values=made.unlike - missing))
        if len(self._narrow) < len(made.ports):
            self._learn_width(row, made)
        return answer

    def _learn_width(self, row: Sequence[Held], made: Compiled) -> None:
        """Which of the counters a port has is settled by its first answer: to change over would make a false jump."""
        learned = {port.watched.ifname: made.width(row, port) for port in made.ports}
        known = {name: narrow for name, narrow in learned.items() if narrow is not None}
        if known.keys() - self._narrow.keys():
            self._narrow = known | self._narrow
            ports = [replace(port, narrow=self._narrow.get(port.watched.ifname)) for port in made.ports]
            self._compile(ports, made.look)

    def _down(self, seconds: float) -> Filled:
        """A device that is silent: what was promised is still told."""
        self.silent = True
        self.last = self._promised(seconds)
        return self.last

    def _promised(self, seconds: float) -> Filled:
        """That it has not answered, and what was promised."""
        told = [one for port in self._unseen() for one in recipes(port)]
        own = self._tell(up=False, seconds=seconds, values=0)
        return Sheet([*told, *self._own], self._places()).fill(list(own))

    def _fill(self, sheet: Sheet, row: list[Held], own: Own) -> Filled:
        self.last = None
        return sheet.fill([*row, *own])

    def _tell(self, *, up: bool, seconds: float, values: int) -> Own:
        tally = self._snmp.tally
        broken = bool(self._compiled and self._compiled.look.broken)
        return Own(up, seconds, tally.packets, tally.retries, values, self._discoveries, broken)

    @property
    def _own(self) -> list[Series]:
        return own_recipes(self._watched[0].labels)

    def _places(self) -> list[str]:
        return [oid for one in self._own for oid in one.oids]

    def _unseen(self) -> Iterable[Port]:
        """The declared links of a device that is silent: what was promised and the way to it are still told."""
        profile = device(self._watched[0].router.model)
        return [Port(one, profile, "", (), self._expected(one)) for one in self._watched]

    def _expected(self, one: Watched | WatchedPort) -> float | None:
        """Light that should arrive by the loss budget; None where the plant cannot tell."""
        if isinstance(one, WatchedPort):
            return None
        try:
            return of_link(self._plant, one.link).received
        except ValueError:
            return None
