"""The region's upstreams: their contracts, and whether anything beyond them answers echo (served at /metrics)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporters.metrics import table
from ops.errors import ToolMissingError
from ops.inventory.model import Region, Upstream
from ops.system.echo import echo

NAME, UP = "opd_upstream_bandwidth_bytes_per_second", "opd_upstream_up"


class Upstreams(Collector):
    """`region`: the inventory as it is now, None before it was read."""

    def __init__(self, region: Callable[[], Region | None]) -> None:
        self._region = region

    def collect(self) -> Iterator[Metric]:
        metrics, region = table(), self._region()
        upstreams = region.upstreams if region else ()
        told = GaugeMetricFamily(NAME, metrics[NAME].help, labels=list(metrics[NAME].labels))
        up = GaugeMetricFamily(UP, metrics[UP].help, labels=list(metrics[UP].labels))
        for upstream in upstreams:
            told.add_metric([upstream.name], upstream.bandwidth / 8)
        for name, answers in asyncio.run(_answering(upstreams)):
            up.add_metric([name], float(answers))
        yield told
        yield up


async def _answering(upstreams: Sequence[Upstream]) -> list[tuple[str, bool]]:
    """Those with probes, and whether one of their probes answered; none where this process may not send echo."""
    probed = [one for one in upstreams if one.probes]
    try:
        return [(one.name, found) for one, found in zip(probed, await asyncio.gather(*map(_up, probed)), strict=True)]
    except ToolMissingError:
        return []


async def _up(upstream: Upstream) -> bool:
    found = await asyncio.gather(*(echo(str(address)) for address in upstream.probes))
    return any(one.seconds for one in found)
