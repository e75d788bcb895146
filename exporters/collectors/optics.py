"""Light on a port, by the device profile's optical tables. Darkness is `opd_optical_rx_loss 1`, never a fake dBm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from exporters.collectors.contract import Port
from exporters.quick_light import quick_reader
from exporters.sensor import Sensor, Values
from exporters.series import Recipes, Series, series
from ops.catalogue.optical import Optic, Raw

RECEIVED: Optic = "receive_power_dbm"
SENT: Optic = "transmit_power_dbm"
LOSS: Optic = "rx_loss"
LIMITS: Mapping[Optic, str] = {RECEIVED: "opd_optical_power", SENT: "opd_optical_transmit_power"}
Module = Mapping[Optic, Sensor]


def modules(sensors: Iterable[Sensor]) -> list[Module]:
    """Sensors by the module that they are of: a port's only one, one of its lanes, or an ONU behind it."""
    found: dict[tuple[int, str, str, str, str], dict[Optic, Sensor]] = {}
    for sensor in sensors:
        found.setdefault(sensor.place, {}).setdefault(sensor.optic, sensor)
    return list(found.values())


def dark(module: Module, values: Values) -> bool | None:
    """Whether light is missing: the device's own word, else a laser that sends and gets nothing. None: no module."""
    received, sent = (module[name].value(values) if name in module else None for name in (RECEIVED, SENT))
    lost = module[LOSS].value(values) if LOSS in module else None
    if received is None and sent is None:
        # an empty cage says 0 everywhere, and loss; that is no alarm, but an ONU that is said to be away is one
        return True if lost and module[LOSS].onu else None
    if lost is not None:
        return bool(lost)
    if RECEIVED not in module or values.get(module[RECEIVED].oid) is None:
        return None
    if received is None and module[RECEIVED].bursts and module[RECEIVED].figure(values) is None:
        return None
    return received is None


def value(module: Module, name: Optic, values: Values) -> float | None:
    """One figure of a module, in the unit of its name; no power is received in darkness, whatever the device says."""
    if name == LOSS:
        lost = dark(module, values)
        return None if lost is None else float(lost)
    found = module[name].value(values)
    return None if name == RECEIVED and found is not None and dark(module, values) else found


class Optics(Recipes):
    def series(self, port: Port) -> Iterator[Series]:
        for module in modules(port.sensors):
            one = next(iter(module.values()))
            place = port.watched.light_labels(one.onu, one.side)
            if place is None:
                continue
            labels = place | {"lane": one.lane}
            for name in module.keys() | ({LOSS} if RECEIVED in module else set()):
                asked = _asked(module, name)
                quick = quick_reader(module, name)
                read = quick or _reader(module, name, asked)
                yield series(f"opd_optical_{name}", labels, asked, read, few=quick is not None)
            for name, told in LIMITS.items():
                for limit, dbm in module[name].limits.items() if name in module else ():
                    yield series(f"{told}_{limit}_dbm", labels, (), _constant(dbm))


def _asked(module: Module, name: Optic) -> tuple[str, ...]:
    """What a figure depends on: whether light is missing is seen from both powers and the device's own flag."""
    needed = (RECEIVED, SENT, LOSS) if name in {RECEIVED, LOSS} else (name,)
    return tuple(dict.fromkeys(oid for one in needed if one in module for oid in module[one].oids))


def _reader(module: Module, name: Optic, asked: Sequence[str]) -> Callable[..., float | None]:
    def read(*raw: Raw) -> float | None:
        return value(module, name, dict(zip(asked, raw, strict=True)))

    return read


def _constant(dbm: float) -> Callable[[], float]:
    return lambda: dbm


COLLECTOR = Optics()
