"""The region's upstream contracts, for use against them (served at /metrics)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.metrics import table
from ops.inventory.model import Region

NAME = "opd_upstream_bandwidth_bytes_per_second"


class Upstreams(Collector):
    """`region`: the inventory as it is now, None before it was read."""

    def __init__(self, region: Callable[[], Region | None]) -> None:
        self._region = region

    def collect(self) -> Iterator[Metric]:
        metric, region = table()[NAME], self._region()
        told = GaugeMetricFamily(NAME, metric.help, labels=list(metric.labels))
        for upstream in region.upstreams if region else ():
            told.add_metric([upstream.name], upstream.bandwidth / 8)
        yield told
