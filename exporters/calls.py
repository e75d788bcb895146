"""The last test call between two offices, as `ops call test` left it in the state folder, for Prometheus.

Register `CallResults(world)` with a registry. Of offices that have no telephones any more nothing is told, and of a
result that is older than KEPT_SECONDS its time alone: a removed office, or one bad call by hand that the calendar does
not repeat, would stay bad for ever.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters import result_files
from ops.world import World

KEPT_SECONDS = (
    2 * 86400.0
)  # the calendar reaches every office once a day; alert TestCallsStopped tells when it does not
OFFICES = ["from_opd", "to_opd"]
WAYS = [*OFFICES, "direction"]
ABOUT = {
    "opd_call_test_ok": "1 when the last test call was good both ways",
    "opd_call_test_timestamp_seconds": "When the last test call was made (Unix time)",
    "opd_call_test_setup_seconds": "From INVITE to answer in the last test call",
    "opd_call_test_mos": "Mean opinion score of the worse direction, 1 to 4.4 (E-model, ITU-T G.107)",
}
ABOUT_WAY = {
    "opd_call_test_tone_level_dbfs": "Level of the tone that arrived, in dB below full scale",
    "opd_call_test_jitter_seconds": "Jitter of the sound that arrived (RFC 3550)",
    "opd_call_test_lost_packets": "Packets of sound that did not arrive",
}


class CallResults(Collector):
    """Reads the results at every scrape: a few small files. One that is broken gives no sample."""

    def __init__(self, world: Callable[[], World], now: Callable[[], float] = time.time) -> None:
        """`world`: asked for at every scrape, so that an edited inventory is followed."""
        self._world, self._now = world, now

    def collect(self) -> Iterator[Metric]:
        found = {name: GaugeMetricFamily(name, text, labels=OFFICES) for name, text in ABOUT.items()}
        ways = {name: GaugeMetricFamily(name, text, labels=WAYS) for name, text in ABOUT_WAY.items()}
        world = self._world()
        known = {opd.code for opd in world.region.opds if opd.phones}
        for path in sorted((world.state / "calls").glob("*.json")):
            result = result_files.told(path)
            offices = [str(result.get(name, "")) for name in OFFICES]
            if not known.issuperset(offices):
                continue
            if not self._fresh(result.get("at")):
                result = {"at": result.get("at")}
            _add(found["opd_call_test_ok"], offices, float(result["ok"] is True) if "ok" in result else None)
            _add(found["opd_call_test_timestamp_seconds"], offices, result.get("at"))
            _add(found["opd_call_test_setup_seconds"], offices, result.get("setup_ms"), 1000)
            _add(found["opd_call_test_mos"], offices, result.get("mos"))
            for direction in ("there", "back"):
                way = result.get(direction)
                if isinstance(way, dict):
                    _add(ways["opd_call_test_tone_level_dbfs"], [*offices, direction], way.get("level_db"))
                    _add(ways["opd_call_test_jitter_seconds"], [*offices, direction], way.get("jitter_ms"), 1000)
                    _add(ways["opd_call_test_lost_packets"], [*offices, direction], way.get("lost"))
        yield from found.values()
        yield from ways.values()

    def _fresh(self, at: object) -> bool:
        return isinstance(at, int | float) and self._now() - at < KEPT_SECONDS


def _add(family: GaugeMetricFamily, labels: list[str], value: object, divide: int = 1) -> None:
    if isinstance(value, int | float) and math.isfinite(value):
        family.add_metric(labels, value / divide)
