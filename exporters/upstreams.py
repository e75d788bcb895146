"""The region's upstreams: contracts, ports, and whether anything beyond them answers echo (served at /metrics)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporters.metrics import family
from ops.errors import ToolMissingError
from ops.inventory.model import Region, Upstream
from ops.system.echo import echo

NAME, UP, PORT = "opd_upstream_bandwidth_bytes_per_second", "opd_upstream_up", "opd_upstream_port_info"


class Upstreams(Collector):
    """`region`: the inventory as it is now, None before it was read."""

    def __init__(self, region: Callable[[], Region | None]) -> None:
        self._region = region

    def collect(self) -> Iterator[Metric]:
        region = self._region()
        upstreams = region.upstreams if region else ()
        told, up, ports = family(NAME), family(UP), family(PORT)
        for upstream in upstreams:
            told.add_metric([upstream.name], upstream.bandwidth / 8)
        for name, answers in asyncio.run(_answering(upstreams)):
            up.add_metric([name], float(answers))
        for labels in _ports(region) if region else ():
            ports.add_metric(labels, 1)
        yield from (told, up, ports)


def _ports(region: Region) -> Iterator[list[str]]:
    """Labels of every declared port of an upstream: the upstream, then those of the port's own series."""
    sites = {device.name: device.node for device in region.plant.devices}
    for upstream in region.upstreams:
        if port := upstream.port:
            yield [upstream.name, sites[port.device], port.device, port.ifname]


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
