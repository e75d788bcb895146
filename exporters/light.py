"""A discovery as JSON: the device, every port, every optical reading that the collector would export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from exporters.collectors.optics import LOSS, Module, modules, value
from exporters.discovery import Discovered
from ops.catalogue.optical import POWERS, Optic

OTHERS: tuple[Optic, ...] = ("temperature_celsius", "voltage_volts", "bias_amperes")
_DIGITS = 4


def report(found: Discovered) -> dict[str, Any]:
    """`optics`: readings with a figure; `dark`: modules that receive no light, as `opd_optical_rx_loss 1` tells."""
    readings = [one for module in modules(found.sensors) for one in _readings(module, found)]
    return {
        "device": {
            "name": found.name,
            "description": found.description,
            "object_id": found.object_id,
            "model": found.identified.model,
            "title": found.profile.title if found.profile else "",
            "why": found.identified.why,
            "unverified": bool(found.profile and found.profile.unverified),
            "broken": found.broken,
        },
        "ports": [asdict(port) for _, port in sorted(found.ports.items())],
        "optics": [one for one in readings if one["dbm"] is not None],
        "dark": [one for one in readings if one["dbm"] is None],
    }


def _readings(module: Module, found: Discovered) -> Iterator[dict[str, Any]]:
    """What one module says in each direction; darkness as a receiver's reading without a figure."""
    others = {name: _short(value(module, name, found.values)) for name in OTHERS if name in module}
    lost = value(module, LOSS, found.values)
    for optic, direction in POWERS.items():
        if optic not in module:
            continue
        sensor, dbm = module[optic], _short(value(module, optic, found.values))
        if dbm is None and not (direction == "rx" and lost):
            continue
        yield {
            "ifindex": sensor.ifindex or None,
            "port": sensor.port,
            "direction": direction,
            "lane": sensor.lane or None,
            "onu": sensor.onu or None,
            "side": sensor.side or None,
            "dbm": dbm,
            **({"rx_loss": int(lost)} if lost is not None and direction == "rx" else {}),
            **{f"{limit}_dbm": _short(dbm) for limit, dbm in sensor.limits.items()},
            **{name: figure for name, figure in others.items() if figure is not None},
            "oid": sensor.oid,
        }


def _short(figure: float | None) -> float | None:
    return None if figure is None else round(figure, _DIGITS)
