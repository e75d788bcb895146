"""The way from this station to the router's end of the link: round trip, jitter and loss of a few echo requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from exporters.collectors.contract import Port, Reading
from exporters.metrics import Sample
from ops.system.echo import Echo

FIGURES: Mapping[str, Callable[[Echo], float | None]] = {
    "opd_link_packet_loss_ratio": lambda way: way.loss,
    "opd_link_latency_seconds": lambda way: way.latency,
    "opd_link_jitter_seconds": lambda way: way.jitter,
}


class Way:
    def oids(self, _port: Port) -> Iterable[str]:
        return []

    def samples(self, port: Port, reading: Reading) -> Iterable[Sample]:
        for name, of in FIGURES.items():
            if reading.echo is not None and (figure := of(reading.echo)) is not None:
                yield port.sample(name, figure)


COLLECTOR = Way()
