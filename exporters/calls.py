"""The last test call between two offices, as `ops call test` left it in the state folder, for Prometheus.

Register `CallResults(world.state)` with a registry. A result older than a person would believe shows by its time, which
is a metric of its own; nothing is hidden.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

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

    def __init__(self, state: Path) -> None:
        self._folder = state / "calls"

    def collect(self) -> Iterator[Metric]:
        found = {name: GaugeMetricFamily(name, text, labels=OFFICES) for name, text in ABOUT.items()}
        ways = {name: GaugeMetricFamily(name, text, labels=WAYS) for name, text in ABOUT_WAY.items()}
        for path in sorted(self._folder.glob("*.json")):
            result = _read(path)
            offices = [str(result.get(name, "")) for name in OFFICES]
            if not all(offices):
                continue
            _add(found["opd_call_test_ok"], offices, float(result.get("ok") is True))
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


def _add(family: GaugeMetricFamily, labels: list[str], value: object, divide: int = 1) -> None:
    if isinstance(value, int | float) and math.isfinite(value):
        family.add_metric(labels, value / divide)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
