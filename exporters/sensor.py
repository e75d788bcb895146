"""One optical figure of one port: what is asked for it, and what the answer means.

Discovery makes them (`exporters.discovery`), the collector and `ops discover` read them. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ops.catalogue.optical import Column, Condition, Limit, Optic, Raw, plausible

Values = Mapping[str, Raw]


@dataclass(frozen=True, slots=True)
class Guard:
    """A companion value that may say that a figure does not count."""

    oid: str
    holds: Callable[[Raw], bool]


@dataclass(frozen=True, slots=True)
class Sensor:
    """`port`: name of the port, of its ifIndex `ifindex` (0 where it could not be joined to one).

    `lane`, `onu`: empty where there is but one; an ONU of the OLT's side has `side` olt. `part`: which of the lanes
    that one text holds. `limits`: the module's own thresholds, in the optic's unit. `bursts`: receives now and then, as
    an OLT does, so that no figure is no darkness.
    """

    optic: Optic
    oid: str
    convert: Callable[[Raw], float | None]
    ifindex: int = 0
    port: str = ""
    lane: str = ""
    onu: str = ""
    side: str = ""
    part: int = 0
    bursts: bool = False
    split: Callable[[Raw], tuple[Raw, ...]] | None = None
    guards: tuple[Guard, ...] = ()
    limits: Mapping[Limit, float] = field(default_factory=dict)

    @property
    def oids(self) -> tuple[str, ...]:
        """What a poll must ask for."""
        return (self.oid, *(guard.oid for guard in self.guards))

    @property
    def place(self) -> tuple[int, str, str, str, str]:
        """What module it is of: figures of one place belong together."""
        return self.ifindex, self.port, self.lane, self.onu, self.side

    def value(self, values: Values) -> float | None:
        """What the answers mean, in the optic's unit. None: the device has no such figure, or says that it is none."""
        return plausible(self.optic, self.figure(values))

    def figure(self, values: Values) -> float | None:
        """The same whether it can be true or not: the figures that devices make up for darkness too."""
        raw = values.get(self.oid)
        if raw is None or not all(guard.holds(values.get(guard.oid)) for guard in self.guards):
            return None
        if self.split is not None:
            parts = self.split(raw)
            raw = parts[self.part] if self.part < len(parts) else None
        return self.convert(raw)


def sensor_of(optic: Optic, column: Column, oid: str, **place: object) -> Sensor:
    """A sensor of a profile's column."""
    split = (lambda raw: tuple(column.parts(raw))) if column.lanes else None
    return Sensor(optic, oid, column.value, split=split, **place)  # type: ignore[arg-type]


def guard_of(condition: Condition, oid: str) -> Guard:
    return Guard(oid, condition.holds)
