"""One router: find its declared ports once, then poll exactly those, all values in one packet."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import exporters.collectors
from exporters.collectors.contract import Collector, Port, Reading
from exporters.discovery import discover
from exporters.metrics import Sample, render, sample
from ops.catalogue.device import device
from ops.errors import HostFailedError, ToolMissingError
from ops.fibre.budget import of_link
from ops.inventory.model import Plant
from ops.inventory.watched import Watched
from ops.system.echo import Echo, echo
from ops.system.snmp import Held, SnmpDevice

FRESH_SECONDS = 2.0  # polls asked for within this time share one answer
REDISCOVER_SECONDS = 3600.0
UPTIME, LAST_CHANGE = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.5.0"
IF_NAME = "1.3.6.1.2.1.31.1.1.1.1"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compiled:
    """What discovery left: the ports found, and the one list of OIDs that every poll asks for."""

    ports: tuple[Port, ...]
    oids: tuple[str, ...]
    at: float
    changed: Held = None  # ifTableLastChange when it was made
    broken: str = ""


class Polled:
    """A router that is polled on request. `watched`: its links, at least one. `echoes`: measure round trips too."""

    def __init__(self, snmp: SnmpDevice, watched: Sequence[Watched], plant: Plant, *, echoes: bool = True) -> None:
        self._snmp, self._watched, self._plant, self._echo = snmp, watched, plant, echoes
        self._compiled: Compiled | None = None
        self._uptime = 0
        self._discoveries = 0
        self._polling: asyncio.Task[tuple[bool, str]] | None = None
        self._polled = -FRESH_SECONDS
        self.silent = False  # whether it did not answer the last poll

    async def poll(self) -> tuple[bool, str]:
        """Whether the device answered, and Prometheus text. Those who ask at once or soon after share one poll."""
        fresh = self._polling and (not self._polling.done() or time.monotonic() - self._polled < FRESH_SECONDS)
        if not fresh or self._polling is None:
            self._polling = asyncio.create_task(self._poll())
        return await asyncio.shield(self._polling)

    def close(self) -> None:
        self._snmp.close()

    async def _poll(self) -> tuple[bool, str]:
        echoes, (values, seconds) = await asyncio.gather(self._echoes(), self._timed())
        self._polled, self.silent = time.monotonic(), values is None
        ports = self._compiled.ports if self._compiled and values is not None else self._unseen()
        samples = [*self._port_samples(ports, values, echoes), *self._own(values, seconds)]
        return values is not None, render(samples)

    async def _timed(self) -> tuple[Mapping[str, Held] | None, float]:
        start = time.monotonic()
        values = await self._ask()
        return values, time.monotonic() - start

    async def _ask(self) -> Mapping[str, Held] | None:
        """The declared ports' values; None when the device is silent. Finds the ports anew when they moved."""
        try:
            if self._compiled is None or time.monotonic() - self._compiled.at > REDISCOVER_SECONDS:
                self._compiled = await self._discover()
            values = await self._snmp.get(self._compiled.oids)
            if self._moved(values, self._compiled):
                self._compiled = await self._discover()
                values = await self._snmp.get(self._compiled.oids)
        except HostFailedError as error:
            _log.warning("%s", error.what)
            return None
        uptime = values.get(UPTIME)
        self._uptime = uptime if isinstance(uptime, int) else 0
        return values

    def _moved(self, values: Mapping[str, Held], compiled: Compiled) -> bool:
        """Whether an ifIndex now belongs to another port, or the device was restarted or rebuilt its table."""
        uptime = values.get(UPTIME)
        if isinstance(uptime, int) and uptime < self._uptime:
            return True
        if values.get(LAST_CHANGE, compiled.changed) != compiled.changed:
            return True
        return any(_text(values.get(f"{IF_NAME}.{one.ifindex}")) != one.watched.link.ifname for one in compiled.ports)

    async def _discover(self) -> Compiled:
        self._discoveries += 1
        found = await discover(self._snmp, model=self._watched[0].router.model, state=False)
        profile = device(self._watched[0].router.model)
        ports = tuple(
            Port(one, profile, str(port.ifindex), found.of_port(port.ifindex), self._expected(one))
            for one in self._watched
            if (port := found.named(one.link.ifname))
        )
        return Compiled(ports, _compile(ports), time.monotonic(), found.changed, found.broken)

    def _expected(self, one: Watched) -> float | None:
        """Light that should arrive by the loss budget; None where the plant cannot tell."""
        try:
            return of_link(self._plant, one.link).received
        except ValueError:
            return None

    def _unseen(self) -> tuple[Port, ...]:
        """The declared links of a device that is silent: what was promised and the way to it are still told."""
        profile = device(self._watched[0].router.model)
        return tuple(Port(one, profile, "", (), self._expected(one)) for one in self._watched)

    async def _echoes(self) -> list[Echo | None]:
        if not self._echo:
            return [None] * len(self._watched)
        return await asyncio.gather(*(_echo(str(one.link.address.ip)) for one in self._watched))

    def _port_samples(
        self, ports: Iterable[Port], values: Mapping[str, Held] | None, echoes: Sequence[Echo | None]
    ) -> Iterable[Sample]:
        way = {one.link.name: found for one, found in zip(self._watched, echoes, strict=True)}
        for port in ports:
            reading = Reading(values or {}, way.get(port.watched.link.name))
            for collector in collectors():
                yield from collector.samples(port, reading)

    def _own(self, values: Mapping[str, Held] | None, seconds: float) -> list[Sample]:
        labels = self._watched[0].labels
        broken = bool(self._compiled and self._compiled.broken)
        return [
            sample("opd_poll_up", labels, values is not None),
            sample("opd_poll_duration_seconds", labels, seconds),
            sample("opd_poll_packets_sent", labels, self._snmp.tally.packets),
            sample("opd_poll_retries", labels, self._snmp.tally.retries),
            sample("opd_poll_values", labels, len(values or ())),
            sample("opd_poll_discoveries", labels, self._discoveries),
            sample("opd_poll_walk_broken", labels, broken),
        ]


@cache
def collectors() -> tuple[Collector, ...]:
    """Every collector: the files of exporters/collectors that have a COLLECTOR."""
    names = sorted(found.name for found in pkgutil.iter_modules(exporters.collectors.__path__))
    modules = [importlib.import_module(f"exporters.collectors.{name}") for name in names]
    return tuple(module.COLLECTOR for module in modules if hasattr(module, "COLLECTOR"))


def _compile(ports: Iterable[Port]) -> tuple[str, ...]:
    """Guards first (restart, rebuilt table, each port's name), then what the collectors want."""
    asked = [UPTIME, LAST_CHANGE]
    for port in ports:
        asked.append(f"{IF_NAME}.{port.ifindex}")
        asked += [oid for collector in collectors() for oid in collector.oids(port)]
    return tuple(dict.fromkeys(asked))


async def _echo(address: str) -> Echo | None:
    try:
        return await echo(address)
    except ToolMissingError:
        return None


def _text(value: Held) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
