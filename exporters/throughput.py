"""The last test of each office's line, as the job `throughput` left it in the state folder, for Prometheus.

Register `ThroughputResults(world.state)` with a registry. How old a result is stands in a metric of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporters import result_files
from exporters.metrics import family

CARRIED, CONTRACT = "opd_throughput_bits_per_second", "opd_throughput_contract_bits_per_second"
AT = "opd_throughput_timestamp_seconds"
DIRECTIONS = ("download", "upload")
FIGURES = tuple(f"{what}{direction}_bps" for direction in DIRECTIONS for what in ("", "contract_"))


class ThroughputResults(Collector):
    """Reads a small file per office at every scrape. One that is broken or lacks a figure gives no sample."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "throughput" / "results"

    def collect(self) -> Iterator[Metric]:
        found = {name: family(name) for name in (CARRIED, CONTRACT, AT)}
        for path in sorted(self._folder.glob("*.json")):
            result = result_files.told(path)
            if not all(_is_figure(result.get(name)) for name in (*FIGURES, "at")):
                continue
            for direction in DIRECTIONS:
                found[CARRIED].add_metric([path.stem, direction], result[f"{direction}_bps"])
                found[CONTRACT].add_metric([path.stem, direction], result[f"contract_{direction}_bps"])
            found[AT].add_metric([path.stem], result["at"])
        yield from found.values()


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
