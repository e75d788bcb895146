"""The plant for Prometheus: register `FibreState(world)` with a registry.

A scrape asks Prometheus for the last values, at most every FRESH_SECONDS, so that what is said here rests on the same
series that alerts and dashboards see. Without Prometheus there is nothing to tell.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.fibre import View, dim_segments, dimmings_of, judged, trace_ways, view_of
from exporters.fibre_read import values_kept
from exporters.metrics import table
from ops.errors import OpsError
from ops.fibre.health import Dimming
from ops.fibre.locate import Diagnosis, Incident
from ops.fibre.riders import Seen
from ops.inventory.model import Region
from ops.inventory.watched import Watched, watched
from ops.system.trace import Trace
from ops.world import World

FRESH_SECONDS = 10.0
TRACE_SECONDS = 60.0  # between two looks at the ways of packets, unless something changed: nodes answer few of them
HISTORY_SECONDS = 6 * 3600.0  # between two looks at a link's history
RATHER = 0.5  # from this share of its explanations on an incident is a cut
HISTORIES_AT_ONCE = 50  # links whose history one scrape may read
Families = Mapping[str, GaugeMetricFamily]


class FibreState(Collector):
    """`world`: gives the world to look at, anew each time, so that an edited inventory is followed."""

    def __init__(self, world: Callable[[], World]) -> None:
        self._world = world
        self._view: View | None = None
        self._region: Region | None = None
        self._judged = 0.0  # Unix time of the view
        self._tried = self._traced = -TRACE_SECONDS
        self._traces: dict[str, Trace] = {}
        self._seen: dict[str, Seen] = {}
        self._dimmings: dict[str, tuple[float, tuple[Dimming, ...]]] = {}
        self._one_at_a_time = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        found = {name: GaugeMetricFamily(name, table()[name].help, labels=table()[name].labels) for name in names()}
        with self._one_at_a_time:
            if time.monotonic() - self._tried >= FRESH_SECONDS:
                self._look()
                self._tried = time.monotonic()
            if self._view and self._region:
                tell(self._region, self._view, self._judged, found)
        yield from found.values()

    def _look(self) -> None:
        """Judge anew. What cannot be judged now leaves nothing behind: an old view must not look like a new one."""
        self._view = None
        try:
            world = self._world()
            values = values_kept(world)
        except OpsError:
            return
        if not values:
            return
        self._region = world.region
        sights = judged(world.region, values)
        seen = {name: sight.seen for name, sight in sights.items()}
        if not world.loopback and (seen != self._seen or time.monotonic() - self._traced >= TRACE_SECONDS):
            self._traces, self._traced, self._seen = trace_ways(world.region, sights), time.monotonic(), seen
        view = view_of(world.region, values, self._traces, "Prometheus")
        self._remember(world, view)
        dimmings = {name: held for name, (_, held) in self._dimmings.items()}
        self._view = View(view.source, view.sights, view.found, view.margins, dimmings)
        self._judged = time.time()

    def _remember(self, world: World, view: View) -> None:
        """Read the histories that are oldest, a few at a time."""
        now = time.monotonic()
        due: list[Watched] = [
            one
            for one in watched(world.region.opds)
            if now - self._dimmings.get(f"{one.opd.code}/{one.link.name}", (-HISTORY_SECONDS, ()))[0] >= HISTORY_SECONDS
        ][:HISTORIES_AT_ONCE]
        found = dimmings_of(world, due, view.margins)
        for one in due:
            name = f"{one.opd.code}/{one.link.name}"
            self._dimmings[name] = (now, found.get(name, ()))


def names() -> list[str]:
    """The metrics of this collector."""
    return [name for name in table() if name.startswith("opd_fibre_")]


def tell(region: Region, view: View, judged: float, found: Families) -> None:
    """A view as samples. `judged`: Unix time."""
    ports = {f"{one.opd.code}/{one.link.name}": [*one.labels.values(), one.link.ifname] for one in watched(region.opds)}
    found["opd_fibre_judged_timestamp_seconds"].add_metric([], judged)
    tell_cuts(view.found, ports, found)
    counts = Counter(view.sights[name].seen if name in view.sights else Seen.UNKNOWN for name in ports)
    for seen in Seen:
        found["opd_fibre_links"].add_metric([seen.value], counts[seen])
    for name, labels in ports.items():
        _tell_link(name, labels, view, found)
    _tell_dimmings(region, view, ports, found)


def tell_cuts(judged: Diagnosis, ports: Mapping[str, list[str]], found: Families) -> None:
    """Where the plant is cut, and who is behind it. `ports`: the labels of each link's port, by `<opd>/<link>`.

    Alerts of the links behind a cut are held back, so each of them stands behind a segment that is told.
    """
    for segment, share in judged.suspects.items():
        found["opd_fibre_segment_suspect"].add_metric([segment], share)
    for segment in sorted(judged.whole):
        found["opd_fibre_segment_whole"].add_metric([segment], 1)
    for incident in judged.incidents:
        segments = _likeliest_cut(incident)
        for segment in segments:
            found["opd_fibre_segment_likeliest"].add_metric([segment], 1)
        for name in incident.behind_cut:
            for segment in segments if name in ports else ():
                found["opd_fibre_behind_cut"].add_metric([*ports[name], segment], 1)


def _likeliest_cut(incident: Incident) -> tuple[str, ...]:
    """The segments of the likeliest explanation that has any; none when it is rather trouble of the links' own.

    However small its share: on a long spur every segment is unlikely, and yet one of them is cut.
    """
    cuts = [one for one in incident.explanations if one.segments]
    rather = incident.behind_cut or sum(one.share for one in cuts) >= RATHER
    return cuts[0].segments if cuts and rather else ()


def _tell_link(name: str, labels: list[str], view: View, found: Families) -> None:
    if name in view.sights:
        found["opd_fibre_detour"].add_metric(labels, view.sights[name].seen is Seen.DETOUR)
    if name in view.margins:
        found["opd_fibre_margin_db"].add_metric(labels, view.margins[name].spare)


def _tell_dimmings(region: Region, view: View, ports: Mapping[str, list[str]], found: Families) -> None:
    segments = dim_segments(region, view.dimmings)
    for name in sorted(ports.keys() & view.dimmings.keys()):
        for one in view.dimmings[name]:
            if one.days is not None:
                labels = [*ports[name], one.cause.name.lower(), segments.get(name, "")]
                found["opd_fibre_days_to_threshold"].add_metric(labels, one.days)
