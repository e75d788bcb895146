"""What one collector promises. A file of this folder with `COLLECTOR` adds metrics; the service finds it by scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from exporters.metrics import Sample, sample
from exporters.sensor import Sensor
from ops.catalogue.device import Device
from ops.inventory.watched import Watched, WatchedPort
from ops.system.echo import Echo
from ops.system.snmp import Held


@dataclass(frozen=True)
class Port:
    """A declared port that the device really has. `sensors`: its optical figures, as discovery found them.

    `expected_dbm`: light that should arrive by the loss budget. `narrow`: whether its octets are counted in 32 bits
    only; None until the device has answered. `alias`: what engineers wrote on it (ifAlias).
    """

    watched: Watched | WatchedPort
    device: Device
    ifindex: str
    sensors: tuple[Sensor, ...] = ()
    expected_dbm: float | None = None
    narrow: bool | None = None
    alias: str = ""

    @property
    def labels(self) -> dict[str, str]:
        return self.watched.port_labels

    def sample(self, name: str, value: float) -> Sample:
        return sample(name, self.labels, value)


@dataclass(frozen=True)
class Reading:
    """One poll. `values`: by OID, what is missing is absent · `echo`: None when this station may not send any."""

    values: Mapping[str, Held] = field(default_factory=dict)
    echo: Echo | None = None

    def number(self, oid: str) -> int | None:
        """An integer value, or None."""
        value = self.values.get(oid)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


class Collector(Protocol):
    """Asks for some of a port's values and says what they mean."""

    def oids(self, port: Port) -> Iterable[str]:
        """OIDs to ask for in the one GET."""
        ...

    def samples(self, port: Port, reading: Reading) -> Iterable[Sample]:
        """What the values mean. No value, no sample: a device that is silent has no values at all."""
        ...
