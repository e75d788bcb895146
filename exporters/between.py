"""The ways between offices (`probes.between` of region.yml): round trip, jitter and loss as one office's router sees
the other's, asked for over SSH with the router's own ping command. Off unless pairs are declared.

A scrape is told what was measured last and asks for a new measurement when it is due (`exporters/cli_turns.py`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporters.breaker import Patience
from exporters.cli_turns import Budget, Turns, time_left
from exporters.logins import command_line
from exporters.metrics import family
from exporters.shards import Shard
from ops.catalogue.cli.echoes import Echoed, echoed
from ops.catalogue.device import device
from ops.catalogue.ping import Ping
from ops.errors import HostFailedError
from ops.inventory.model import Region
from ops.inventory.watched import Watched, watched
from ops.system.device_cli import DeviceLogin, device_cli
from ops.world import World

_log = logging.getLogger(__name__)
AT_ONCE = 8  # logins at the same time
PAIR_SECONDS = 15.0  # five packets that are lost take up to 10 s; as much again for the login
PREFIX = "opd_between_"


@dataclass(frozen=True, slots=True)
class Way:
    """From office `opd` to office `to_opd`, whose router has this address."""

    opd: str
    to_opd: str
    address: str


@dataclass(frozen=True, slots=True)
class Measured:
    """`clock`: seconds by the clock that ages are counted by · `at`: Unix time."""

    echoes: Echoed
    clock: float
    at: float


class Pings(Turns):
    """One router that sends echo requests on these ways."""

    def __init__(
        self,
        login: DeviceLogin,
        ping: Ping,
        ways: Sequence[Way],
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(login, budget, clock)
        self.about = (login, ping, tuple(ways), budget)
        self._ping, self._ways = ping, tuple(ways)
        self._measured: dict[Way, Measured] = {}

    def take(self, deadline: float) -> None:
        """Each way by itself: one that is refused, or not come to in time, takes nothing from the others."""
        wrong: list[str] = []
        with device_cli(self._login.within(deadline - self._clock())) as cli:
            for way in self._ways:
                command = self._ping.command.format(address=way.address)
                answer = cli.ask(command, time_left(deadline, self._clock, self._login.name))
                try:
                    found = echoed(self._ping, answer)
                except ValueError as error:
                    wrong.append(f"SSH: {command}: {error}")
                    continue
                with self._lock:
                    self._measured[way] = Measured(found, self._clock(), time.time())
        if len(wrong) == len(self._ways):
            raise HostFailedError(self._login.name, wrong[0])
        for one in wrong:
            _log.warning("%s: %s", self._login.name, one)

    def fresh(self) -> dict[Way, Measured]:
        """What was measured last, of those ways of which that is not too long ago."""
        with self._lock:
            oldest = self._clock() - self._budget.stale
            return {way: one for way, one in self._measured.items() if one.clock >= oldest}


class Between(Collector):
    """`world`: as it is now, None before it was read."""

    def __init__(self, world: Callable[[], World | None], shard: Shard) -> None:
        self._world, self._shard = world, shard
        self._taken: World | None = None
        self._routers: list[Pings] = []
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()  # scrapes may come at once

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            world = self._world()
            if world is not self._taken:
                self._take_up(world)
            if world and self._routers:
                self._pool = self._pool or ThreadPoolExecutor(AT_ONCE, "between", world.enter)
                for one in self._routers:
                    one.refresh(self._pool)
            known = {way: measured for one in self._routers for way, measured in one.fresh().items()}
        yield from _metrics(known)

    def close(self) -> None:
        """End, once those measurements that have begun have."""
        with self._lock:
            if self._pool:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None

    def _take_up(self, world: World | None) -> None:
        """Measure what is declared now. A router with the same to do keeps what it measured, and its patience."""
        before = {one.about: one for one in self._routers}
        made = [_pings(world, ends) for ends in _ends(world.region, self._shard)] if world else []
        self._routers = [before.get(one.about, one) for one in made]
        self._taken = world


def _ends(region: Region, shard: Shard) -> list[list[tuple[Watched, Watched]]]:
    """The declared pairs, by the router that sends: both offices' first links."""
    first = {one.opd.code: one for one in reversed(list(watched(region.opds)))}
    found: dict[str, list[tuple[Watched, Watched]]] = {}
    for code, other in region.probes.between:
        if shard.has(first[code].router.name):
            found.setdefault(first[code].router.name, []).append((first[code], first[other]))
    return list(found.values())


def _pings(world: World, ends: Sequence[tuple[Watched, Watched]]) -> Pings:
    router = ends[0][0].router
    ping = device(router.model).ping
    if ping is None:
        raise KeyError(f"{router.model}: no ping")  # a rule has refused such an inventory
    ways = [Way(one.opd.code, other.opd.code, _reached(world, other)) for one, other in ends]
    seconds, every = PAIR_SECONDS * (len(ways) + 1), world.region.probes.every
    patience = Patience(pause=max(300.0, every), longest=3600.0)
    # until the next measurement must have ended, and no longer
    return Pings(command_line(router, world), ping, ways, Budget(seconds, every, every + seconds, patience))


def _reached(world: World, other: Watched) -> str:
    """The other router's end of its link; its management address in a loopback twin, which has no links."""
    if world.loopback:
        return world.reach(str(other.router.address), 0)[0]
    return str(other.link.address.ip)


def _metrics(known: Mapping[Way, Measured]) -> Iterator[Metric]:
    told: Mapping[str, Callable[[Measured], float | None]] = {
        "up": lambda one: float(one.echoes.loss < 1),
        "rtt_seconds": lambda one: one.echoes.rtt,
        "jitter_seconds": lambda one: one.echoes.jitter,
        "loss_ratio": lambda one: one.echoes.loss,
        "timestamp_seconds": lambda one: one.at,
    }
    for name, figure in told.items():
        metric = family(PREFIX + name)
        for way, measured in known.items():
            value = figure(measured)
            if value is not None:
                metric.add_metric([way.opd, way.to_opd], value)
        if metric.samples:
            yield metric
