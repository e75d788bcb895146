"""What the last sweep (`ops drift`) found, as it left it in the state folder, for Prometheus.

Register `DriftFound(world.state)` with a registry. Of a host that could not be looked at nothing is told but that it is
unknown: what was found before is no longer known to hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporters import result_files
from exporters.metrics import family, table


class DriftFound(Collector):
    """Reads a small file per host at every scrape. One that is broken gives no sample."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "drift"

    def collect(self) -> Iterator[Metric]:
        found = {name: family(name) for name in table() if name.startswith("opd_drift_")}
        for path in sorted(self._folder.glob("*.json")):
            told = result_files.told(path)
            if not isinstance(told.get("differ"), dict) or not isinstance(told.get("at"), int | float):
                continue
            host, is_unknown = str(told.get("host")), bool(told.get("unknown"))
            found["opd_drift_host_unknown"].add_metric([host], is_unknown)
            found["opd_drift_sweep_timestamp_seconds"].add_metric([host], told["at"])
            for opd, number in sorted(told["differ"].items()):
                if number or not is_unknown:
                    found["opd_drift_items"].add_metric([host, str(opd)], number)
        yield from found.values()
