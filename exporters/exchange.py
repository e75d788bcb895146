"""The exchange for Prometheus: register `ExchangeState(world)` with a registry.

A thread of its own holds one connection to Asterisk's manager interface, which listens on the exchange's loopback only:
it goes through SSH. It counts what happens and asks every LIST_SECONDS who is registered. While the exchange can not be
asked, `opd_exchange_up` is 0 and nothing is told of what is so now; counters stay what they were.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from statistics import fmean, median

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.exchange_seen import Offices, Seen, quantile
from exporters.metrics import table
from ops.errors import OpsError
from ops.system.ami import Ami, Line, Message
from ops.world import World

LIST_SECONDS = 15.0
AGAIN_SECONDS = 10.0  # until a connection that broke is tried anew
PORT, USER, SECRET = 5038, "kominfo", "pbx/manager"
STATUS = ("/usr/local/sbin/kominfo-exchange", "status")
OURS = ("opd_phone_", "opd_calls_", "opd_call_quality_", "opd_trunk_", "opd_exchange_")
Families = Mapping[str, Metric]
Dial = Callable[[World], Line]


def over_ssh(world: World) -> Line:
    """The manager interface of the region's exchange. HostFailedError when it can not be reached."""
    return world.fleet.on(world.region.numbering.pbx).dial(PORT)


class ExchangeState(Collector):
    """`world`: gives the world to look at, anew each time, so that an edited inventory is followed."""

    def __init__(self, world: Callable[[], World], dial: Dial = over_ssh) -> None:
        self._world, self._dial = world, dial
        self._seen, self._up, self._release = Seen(), False, Release()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def collect(self) -> Iterator[Metric]:
        found = {name: _family(name) for name in table() if name.startswith(OURS)}
        with suppress(OpsError):  # an inventory that can not be read now
            self._tell(self._world(), found)
        yield from found.values()

    def _tell(self, world: World, found: Families) -> None:
        region = world.region
        if world.loopback or all(server.name != region.numbering.pbx for server in region.servers):
            return
        self._begin()
        with self._lock:
            tell(found, self._seen, Offices.declared(region), self._up)
            if self._up:
                self._release.tell(found)

    def close(self) -> None:
        """End the thread; the connection goes with it."""
        self._ended.set()
        if self._thread:
            self._thread.join(LIST_SECONDS)

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="exchange", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        while not self._ended.is_set():
            with suppress(OpsError):  # told by opd_exchange_up
                self._follow(self._world())
            with self._lock:
                self._up = False
            self._ended.wait(AGAIN_SECONDS)

    def _follow(self, world: World) -> None:
        """One connection, until it breaks or the inventory is another one."""
        offices = Offices.declared(world.region)

        def happened(message: Message) -> None:
            with self._lock:
                self._seen.event(message, offices, time.monotonic())

        ami = Ami(world.region.numbering.pbx, self._dial(world), happened)
        try:
            ami.login(USER, world.secrets.get(SECRET))
            while not self._ended.is_set() and self._world() is world:
                contacts, channels = ami.ask("PJSIPShowContacts"), ami.ask("CoreShowChannels")
                release = Release.asked(world)
                with self._lock:
                    self._seen.contacts(contacts, offices)
                    self._seen.channels(channels)
                    self._up, self._release = True, release
                ami.pump(LIST_SECONDS)
        finally:
            ami.close()


class Release:
    """What role pbx's program says of the files in force."""

    def __init__(self, told: Mapping[str, object] | None = None) -> None:
        self._told = told or {}

    @classmethod
    def asked(cls, world: World) -> Release:
        done = world.fleet.on(world.region.numbering.pbx).run(list(STATUS))
        try:
            told = json.loads(done.out) if done.ok else {}
        except ValueError:
            told = {}
        return cls(told if isinstance(told, dict) else {})

    def tell(self, found: Families) -> None:
        name, since = self._told.get("release"), self._told.get("since")
        if isinstance(name, str) and name:
            _add(found, "opd_exchange_release_info", [name], 1)
            _add(found, "opd_exchange_release_staged", [], self._told.get("staged") == name)
        if isinstance(since, int | float):
            _add(found, "opd_exchange_release_timestamp_seconds", [], since)


def tell(found: Families, seen: Seen, offices: Offices, up: bool) -> None:
    """Fill the families. Of offices without telephones there is nothing to tell."""
    _add(found, "opd_exchange_up", [], up)
    for opd, count in sorted(offices.configured.items()):
        _add(found, "opd_phone_configured", [opd], count)
        _add(found, "opd_phone_wrong_password_total", [opd], seen.wrong[opd])
    _add(found, "opd_phone_wrong_password_total", ["_unknown"], seen.wrong["_unknown"])
    for (opd, result), count in sorted(seen.calls.items()):
        _add(found, "opd_calls_total", [opd, result], count)
    for name, channels in sorted(offices.trunks.items()):
        _add(found, "opd_trunk_channels_max", [name], channels)
    if up:
        _now(found, seen, offices)


def _now(found: Families, seen: Seen, offices: Offices) -> None:
    """What is so now, as it was listed last."""
    _add(found, "opd_exchange_stale_contacts", [], seen.stale)
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
