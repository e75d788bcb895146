"""The exchanges for Prometheus: register `ExchangeState(world)` with a registry.

Each exchange has a watch of its own (exporters.exchange_watch), the one that takes over, too. A telephone is with one
of them, so registrations and calls are told of all together; `host` says of which one the rest is. While an exchange
can not be asked, its `opd_exchange_up` is 0 and nothing is told of what is so on it now; counters stay what they were.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from statistics import fmean, median

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.exchange_seen import Offices, Seen, quantile
from exporters.exchange_watch import Dial, Now, Watch, over_ssh
from exporters.metrics import table
from ops.errors import OpsError
from ops.inventory.exchanges import exchanges
from ops.system.ami import Message
from ops.world import World

OURS = ("opd_phone_", "opd_calls_", "opd_call_quality_", "opd_trunk_", "opd_exchange_")
Families = Mapping[str, Metric]


class ExchangeState(Collector):
    """`world`: gives the world to look at, anew each time, so that an edited inventory is followed."""

    def __init__(self, world: Callable[[], World], dial: Dial = over_ssh) -> None:
        self._world, self._dial = world, dial
        self._seen, self._offices = Seen(), Offices({}, {})
        self._watches: dict[str, Watch] = {}
        self._lock = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        found = {name: _family(name) for name in table() if name.startswith(OURS)}
        with suppress(OpsError):  # an inventory that can not be read now
            self._tell(self._world(), found)
        yield from found.values()

    def _tell(self, world: World, found: Families) -> None:
        region = world.region
        if world.loopback or not exchanges(region):
            return
        with self._lock:
            self._offices = Offices.declared(region)
            self._follow([server.name for server in exchanges(region)])
            now = {name: watch.now for name, watch in self._watches.items()}
            tell(found, self._seen, self._offices, now)

    def close(self) -> None:
        """End the threads; the connections go with them."""
        watches = list(self._watches.values())
        for watch in watches:
            watch.end()
        for watch in watches:
            watch.join()

    def _follow(self, names: Iterable[str]) -> None:
        """Watch these exchanges and no others."""
        for name in set(self._watches) - set(names):
            self._watches.pop(name).end()
        for name in names:
            if name not in self._watches:
                self._watches[name] = Watch(name, self._world, self._dial, self._happened)

    def _happened(self, message: Message) -> None:
        with self._lock:
            self._seen.event(message, self._offices, time.monotonic())


def tell(found: Families, seen: Seen, offices: Offices, now: Mapping[str, Now | None]) -> None:
    """Fill the families. `now`: by exchange, None of one that can not be asked. Of offices without telephones there is
    nothing to tell."""
    for name, told in sorted(now.items()):
        _add(found, "opd_exchange_up", [name], told is not None)
        if told:
            _of_one(found, name, told, offices)
    for opd, count in sorted(offices.configured.items()):
        _add(found, "opd_phone_configured", [opd], count)
        _add(found, "opd_phone_wrong_password_total", [opd], seen.wrong[opd])
    _add(found, "opd_phone_wrong_password_total", ["_unknown"], seen.wrong["_unknown"])
    for (opd, result), count in sorted(seen.calls.items()):
        if opd not in offices.configured and not opd.startswith("_"):
            continue  # an office that is gone
        _add(found, "opd_calls_total", [opd, result], count)
    for name, channels in sorted(offices.trunks.items()):
        _add(found, "opd_trunk_channels_max", [name], channels)
    up = [told for told in now.values() if told]
    if up:
        seen.contacts([one for told in up for one in told.contacts], offices)
        seen.channels([one for told in up for one in told.channels])
        _now(found, seen, offices)


def _of_one(found: Families, host: str, told: Now, offices: Offices) -> None:
    """What is so on one exchange."""
    mine = Seen()
    mine.contacts(told.contacts, offices)
    _add(found, "opd_exchange_registered", [host], mine.registered.total())
    _add(found, "opd_exchange_stale_contacts", [host], mine.stale)
    name, since = told.release.get("release"), told.release.get("since")
    if isinstance(name, str) and name:
        _add(found, "opd_exchange_release_info", [host, name], 1)
        _add(found, "opd_exchange_release_staged", [host], told.release.get("staged") == name)
    if isinstance(since, int | float):
        _add(found, "opd_exchange_release_timestamp_seconds", [host], since)


def _now(found: Families, seen: Seen, offices: Offices) -> None:
    """What is so now on all of them together, as it was listed last."""
    for opd in sorted(offices.configured):
        _add(found, "opd_phone_registered", [opd], seen.registered[opd])
        _add(found, "opd_phone_unreachable", [opd], seen.unreachable[opd])
        for share in (0.5, 0.95):
            _add(found, "opd_phone_qualify_seconds", [opd, f"{share:g}"], quantile(seen.qualify.get(opd, ()), share))
    for name in sorted(offices.trunks):
        _add(found, "opd_trunk_channels", [name], seen.trunks[name])
    for (opd, direction), reports in sorted(seen.recent(time.monotonic()).items()):
        for share in (0.1, 0.5):
            mes = quantile((one.mes for one in reports), share)
            _add(found, "opd_call_quality_mes", [opd, direction, f"{share:g}"], mes)
        _add(found, "opd_call_quality_jitter_seconds", [opd, direction], median(one.jitter for one in reports))
        _add(found, "opd_call_quality_lost_ratio", [opd, direction], fmean(one.lost for one in reports))


def _add(found: Families, name: str, labels: list[str], value: float) -> None:
    family = found[name]
    if not math.isnan(value) and isinstance(family, GaugeMetricFamily | CounterMetricFamily):
        family.add_metric(labels, value)


def _family(name: str) -> Metric:
    metric = table()[name]
    if metric.type == "counter":
        return CounterMetricFamily(name, metric.help, labels=list(metric.labels))
    return GaugeMetricFamily(name, metric.help, labels=list(metric.labels))
