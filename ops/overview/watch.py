"""One reader for everybody who looks: sources are asked side by side, each at its own pace, while somebody looks.

`Watch(world).now()` is the overview at this moment. A source that hangs holds up nobody: what it told last grows old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ops.errors import OpsError
from ops.inventory.model import Region
from ops.overview import sources
from ops.overview.assemble import overview
from ops.overview.facts import NEVER, Facts, Told
from ops.overview.model import Overview
from ops.overview.problems import key
from ops.overview.readings import Port, Rate, Readings, rates
from ops.world import World

FAST, SLOW = 2.0, 5.0  # seconds between two looks at routers, and at everything else
IDLE = 120.0  # seconds after which nobody is thought to look any more
FIRST = 4.0  # seconds that the first look is waited for
KEPT = ("backups", "drills", "calls", "drift", "runs")  # what the station keeps itself
_ANCHOR = 10.0  # seconds over which use is measured, at least


@dataclass
class Rates:
    """Use of ports over the last ten to twenty seconds."""

    _anchors: list[tuple[float, Readings]] = field(default_factory=list)

    def take(self, readings: Readings, at: float) -> dict[Port, Rate]:
        """Rates between the oldest reading that is kept and this one."""
        found = rates(self._anchors[0][1], readings) if self._anchors else {}
        if not self._anchors or at - self._anchors[-1][0] >= _ANCHOR:
            self._anchors = [*self._anchors[-1:], (at, readings)]
        return found


@dataclass
class _Slot:
    """A source, and what it told last."""

    name: str
    every: float
    read: Callable[[World], Any]
    told: Told[Any] = field(default_factory=lambda: Told(why=NEVER))

    def look(self, world: World) -> None:
        try:
            value = self.read(world)
        except OpsError as error:
            self.told = replace(self.told, why=world.secrets.scrub(error.what))
        else:
            self.told = Told(value, time.time(), "")


class Watch:
    """`follow(world)` when declarations have changed. `close()` ends the threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._jobs = sources.Jobs(world.state)
        self._rates, self._use = Rates(), dict[Port, Rate]()
        self._since: dict[str, float | None] = {}
        self._slots = {slot.name: slot for slot in self._made()}
        self._over, self._wanted, self._changed = threading.Event(), threading.Event(), threading.Condition()
        self._version = 0
        self._asked = 0.0  # monotonic
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()

    def _made(self) -> tuple[_Slot, ...]:
        return (
            _Slot("ports", FAST, lambda world: sources.ports(sources.exporter_of(world))),
            _Slot("own", SLOW, lambda world: sources.own(sources.exporter_of(world))),
            _Slot("alerts", SLOW, sources.alerts),
            _Slot("backups", SLOW, sources.Unchanged(sources.backups, sources.ledger_file)),
            _Slot("drills", SLOW, sources.Unchanged(sources.drills, sources.drills_file)),
            _Slot("calls", SLOW, sources.calls),
            _Slot("drift", SLOW, sources.drift),
            _Slot("runs", SLOW, lambda _world: self._jobs()),
        )

    def follow(self, world: World) -> None:
        """Go by these declarations from now on."""
        self._world = world

    def now(self) -> Overview:
        """Everything as it is known; the first look, and the first after a while, waits for the sources."""
        woke = not self._wanted.is_set()
        self.ask()
        if woke:
            self._first()
        return self._overview(self._world.region)

    def _first(self) -> None:
        """Wait for the routers, and for what lies on disk."""
        end = time.monotonic() + FIRST
        self.wait(self.version, FIRST)
        while time.monotonic() < end and any(self._slots[name].told.why == NEVER for name in KEPT):
            self._over.wait(0.02)

    def ask(self) -> None:
        """Somebody looks: the sources are asked for the next two minutes."""
        self._asked = time.monotonic()
        with self._starting:
            if not self._threads and not self._over.is_set():
                self._start()
        self._wanted.set()

    @property
    def version(self) -> int:
        """Grows with every answer of the routers."""
        return self._version

    def wait(self, version: int, seconds: float) -> int:
        """Until there is a newer version, at most so long; the version that there is."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._over.is_set(), seconds)
        return self._version

    def close(self) -> None:
        self._over.set()
        self._wanted.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(sources.SECONDS)
        self._jobs.close()

    def _start(self) -> None:
        fast = [slot for slot in self._slots.values() if slot.every == FAST]
        kept = [self._slots[name] for name in KEPT]
        for slots in (fast, [self._slots["own"]], [self._slots["alerts"]], kept):
            thread = threading.Thread(target=self._serve, args=(slots,), name=f"watch {slots[0].name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, slots: list[_Slot]) -> None:
        """Look at these sources again and again, from the world's own network."""
        self._world.enter()
        while not self._over.is_set():
            began = time.monotonic()
            for slot in slots:
                slot.look(self._world)
                self._take(slot)
            if time.monotonic() - self._asked > IDLE:
                self._wanted.clear()
            self._over.wait(max(0.1, slots[0].every - (time.monotonic() - began)))
            self._wanted.wait()

    def _take(self, slot: _Slot) -> None:
        """An answer of the routers is told at once; of the others it is seen at the next."""
        if slot.name != "ports":
            return
        if not slot.told.why and slot.told.value is not None and slot.told.at is not None:
            self._use = self._rates.take(slot.told.value, slot.told.at)
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def _overview(self, region: Region) -> Overview:
        known = {name: at for name, at in self._since.items() if at is not None}
        facts = Facts(
            time.time(), rates=self._use, since=known, **{slot.name: slot.told for slot in self._slots.values()}
        )
        made = overview(region, facts)
        if facts.ports.at is not None:
            self._remember(made)
        return made

    def _remember(self, made: Overview) -> None:
        """When a problem was seen first; of those that were there from the beginning nobody knows."""
        first = not self._since
        there = {key(one) for one in made.problems}
        begun = {name: self._since.get(name, None if first else made.now) for name in there}
        self._since = begun | {"": None}  # the mark that something was seen before


def look_once(world: World) -> Overview:
    """The overview, every source asked once, one after the other. Use of contracts takes two looks: it is unknown."""
    watch = Watch(world)
    for slot in watch._slots.values():  # noqa: SLF001 # its own kind
        slot.look(world)
    watch._jobs.close()  # noqa: SLF001
    return watch._overview(world.region)  # noqa: SLF001
