"""The way from this station to the router's end of the link: round trip, jitter and loss of a few echo requests."""

from __future__ import annotations

from collections.abc import Iterable

from exporters.collectors.contract import Port, Reading
from exporters.metrics import Sample


class Way:
    def oids(self, _port: Port) -> Iterable[str]:
        return []

    def samples(self, port: Port, reading: Reading) -> Iterable[Sample]:
        if reading.echo is None:
            return
        yield port.sample("opd_link_packet_loss_ratio", reading.echo.loss)
        if reading.echo.latency is not None:
            yield port.sample("opd_link_latency_seconds", reading.echo.latency)
        if reading.echo.jitter is not None:
            yield port.sample("opd_link_jitter_seconds", reading.echo.jitter)


COLLECTOR = Way()
