"""Light on a port, by the device profile's optical table. Darkness is `opd_optical_rx_loss 1`, never a fake dBm."""

from __future__ import annotations

from collections.abc import Iterable

from exporters.collectors.contract import Port, Reading
from exporters.metrics import Sample
from ops.catalogue.device import Optic

RECEIVED: Optic = "receive_power_dbm"
SENT: Optic = "transmit_power_dbm"
LOSS: Optic = "rx_loss"


class Optics:
    def oids(self, port: Port) -> Iterable[str]:
        return [oid for oid in _oids(port).values() if oid]

    def samples(self, port: Port, reading: Reading) -> Iterable[Sample]:
        values = _values(port, reading)
        dark = _dark(values)
        if dark is not None:
            yield port.sample("opd_optical_rx_loss", dark)
        for name, value in values.items():
            if name != LOSS and value is not None and not (dark and name == RECEIVED):
                yield port.sample(f"opd_optical_{name}", value)


def _oids(port: Port) -> dict[Optic, str]:
    optical = port.device.optical
    if optical is None:
        return {}
    index = port.entity if optical.index == "entity" else port.ifindex
    return {name: f"{column.oid}.{index}" for name, column in optical.columns.items()} if index else {}


def _values(port: Port, reading: Reading) -> dict[Optic, float | None]:
    """By column: the value, or None where the device said that it has none. Columns it did not answer are absent."""
    found: dict[Optic, float | None] = {}
    for name, oid in _oids(port).items():
        raw = reading.number(oid)
        if raw is not None and port.device.optical:
            found[name] = port.device.optical.columns[name].value(raw)
    return found


def _dark(values: dict[Optic, float | None]) -> bool | None:
    """Whether light is missing: the device's own word, else a laser that sends and gets nothing. None: no module."""
    if all(values.get(name) is None for name in (RECEIVED, SENT)):
        return None  # an empty cage says 0 everywhere; that is no alarm
    if values.get(LOSS) is not None:
        return bool(values[LOSS])
    return values[RECEIVED] is None if RECEIVED in values else None


COLLECTOR = Optics()
