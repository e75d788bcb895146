"""The devices whose light is read over SSH because SNMP tells none: who they are, and how the readings go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.cli_optics import CliOptics
from exporters.logins import command_line
from exporters.metrics import table
from exporters.sheet import Filled, filled
from ops.catalogue.cli.platform import Platform, names, platform
from ops.catalogue.device import device
from ops.inventory.watched import Watched, WatchedPort
from ops.world import World

AT_ONCE = 8  # logins at the same time
Beside = Callable[[], Filled | None]


class CliReaders(Collector):
    """One reader per device, made when a poll first asks for it."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._links: dict[str, Sequence[Watched | WatchedPort]] = {}
        self._readers: dict[str, CliOptics] = {}
        self._pool: ThreadPoolExecutor | None = None

    def take_up(self, world: World, links: Mapping[str, Sequence[Watched | WatchedPort]]) -> None:
        """Know these devices from now on. What was read of one that is declared as before stays known."""
        self.close()
        known = _platforms()
        self._links = {name: ones for name, ones in links.items() if device(ones[0].router.model).command_line in known}
        self._world, before = world, self._readers
        made = {name: _reader(world, self._links[name]) for name in before if name in self._links}
        self._readers = {name: before[name] if before[name].same(reader) else reader for name, reader in made.items()}
        self._pool = ThreadPoolExecutor(AT_ONCE, "cli-optics", world.enter)

    def beside(self, name: str) -> Beside | None:
        """What a poll of the device calls for its light; it never waits. None: nothing is known of its command line."""
        return (lambda: self._filled(name)) if name in self._links else None

    def close(self) -> None:
        """End, once those readings that have begun have."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def collect(self) -> Iterator[Metric]:
        readers = list(self._readers.values())
        yield GaugeMetricFamily(*_about("opd_cli_devices"), value=len(readers))
        yield GaugeMetricFamily(*_about("opd_cli_suspended_devices"), value=sum(one.suspended for one in readers))
        readings = CounterMetricFamily(*_about("opd_cli_readings_total"), labels=["result"])
        readings.add_metric(["ok"], sum(one.went for one in readers))
        readings.add_metric(["failed"], sum(one.failed for one in readers))
        yield readings

    def _filled(self, name: str) -> Filled | None:
        if self._world is None or self._pool is None or name not in self._links:
            return None
        if name not in self._readers:
            self._readers[name] = _reader(self._world, self._links[name])
        self._readers[name].refresh(self._pool)
        light = filled(self._readers[name].samples())
        return light if light.shape else None


def _reader(world: World, links: Sequence[Watched | WatchedPort]) -> CliOptics:
    router = links[0].router
    onus = [onu for one in links if isinstance(one, WatchedPort) for onu, _ in one.onus]
    return CliOptics(command_line(router, world), _platforms()[device(router.model).netmiko], links, onus)


def _platforms() -> dict[str, Platform]:
    """Command lines by the driver that speaks them."""
    return {platform(name).netmiko: platform(name) for name in names()}


def _about(name: str) -> tuple[str, str]:
    return name, table()[name].help
