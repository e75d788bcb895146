"""Optical figures among a device's sensors of every kind: ENTITY-SENSOR-MIB (RFC 3433) and Cisco's elder form of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from exporters.book import Book, number, text
from exporters.optical_tables import Place
from exporters.sensor import Guard, Sensor
from ops.catalogue.optical import POWERS, Limit, Optic, Raw, Scale, Sensors, milliwatts_to_dbm
from ops.system.snmp import Held

_JOINED = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # between the words of opticalRxPower
_RECEIVED = re.compile(r"(?i)(?<![a-z])(?:rx|receiver?|received|input)(?=power|pwr|[^a-z]|$)")
_SENT = re.compile(r"(?i)(?<![a-z])(?:tx|transmit|transmitted|transmitter|output)(?=power|pwr|[^a-z]|$)")
_LIGHT = re.compile(r"(?i)(?<![a-z])(?:[rt]x|receive|transmit)")  # a power supply has an input and an output too
_LANE = re.compile(r"(?i)(?:lane|(?<!port-)(?<!port )channel)[ _#-]*(\d+)|(?<![a-z])[rt]x(\d+)")
_MILLIWATTS = {"w": 1000.0, "mw": 1.0, "uw": 0.001, "µw": 0.001, "watt": 1000.0, "watts": 1000.0}
_PLAIN = Scale()
_UNITS, _STEP = 9, 3  # SensorDataScale: units(9), and each step is a factor of a thousand
_FINEST = 9  # SensorPrecision goes from -8 to 9; Cisco has a bug that says 1615384784


async def sensor_sensors(place: Place, table: Sensors) -> list[Sensor]:
    """The optical ones of a sensor table; none where the device does not have it."""
    book = place.book
    types = await book.column(table.type)
    if not types:
        return []
    asked = (table.scale, table.precision, table.value, table.status)
    scales, precisions, values, states = await book.columns(asked)
    measured, units = [await book.column(oid) if oid else {} for oid in (table.measured, table.units)]
    entities = await place.entities()
    rows = await _rows(book, table)
    found: list[Sensor] = []
    for index, kind in types.items():
        name = _JOINED.sub(" ", f"{entities.names.get(index, '')} {entities.descrs.get(index, '')}")
        unit = text(units.get(index)).lower()
        optic = _optic(table, number(kind), unit, name)
        if optic is None or index not in values:
            continue
        port = entities.port_of(index, place.names, place.ports)
        port = port or entities.port_of(str(measured.get(index, "")), place.names, place.ports)
        if port is None and optic not in POWERS:
            continue  # a chassis has a temperature too
        factor = _factor(number(scales.get(index)), number(precisions.get(index)))
        milliwatts = _milliwatts(table, number(kind), unit) if optic in POWERS else None
        convert = partial(_value, table.invalid, factor, milliwatts)
        lane = _LANE.search(name)
        guards = (Guard(f"{table.status}.{index}", partial(_well, table.well)),) if index in states else ()
        found.append(
            Sensor(
                optic,
                f"{table.value}.{index}",
                convert,
                ifindex=port.ifindex if port else 0,
                port=port.ifname if port else entities.module(index),
                lane=lane[1] or lane[2] if lane else "",
                guards=guards,
                limits=await _limits(book, table, index, rows, convert),
            )
        )
    return found


def _optic(table: Sensors, kind: int | None, unit: str, name: str) -> Optic | None:
    """What a sensor measures, by its type, unit and name; None for what is not optical."""
    if kind in table.celsius:
        return "temperature_celsius"
    if kind in table.volts:
        return "voltage_volts"
    if kind in table.amperes:
        return "bias_amperes"
    power = kind in table.watts or (kind in table.unnamed_dbm and unit in {"", *_MILLIWATTS})
    if not (kind in table.dbm or unit == "dbm" or (power and _LIGHT.search(name))):
        return None
    if _RECEIVED.search(name):
        return "receive_power_dbm"
    return "transmit_power_dbm" if _SENT.search(name) else None


def _milliwatts(table: Sensors, kind: int | None, unit: str) -> float | None:
    """How many milliwatt a power figure's unit is; None for dBm."""
    if unit == "dbm" or kind not in (*table.watts, *table.unnamed_dbm):
        return None
    return 1000.0 if kind in table.watts else _MILLIWATTS.get(unit)


def _factor(scale: int | None, precision: int | None) -> float:
    """What 1 of a sensor's figure is worth in its unit. A scale that no sensor can have is taken for units."""
    exponent = 0 if scale is None or not 1 < scale <= 2 * _UNITS - 1 else (scale - _UNITS) * _STEP
    digits = precision if precision is not None and 0 < precision <= _FINEST else 0
    return float(10.0 ** (exponent - digits))


def _value(invalid: tuple[int, ...], factor: float, milliwatts: float | None, raw: Raw) -> float | None:
    figure = _PLAIN.value(raw)
    if figure is None or figure in invalid:
        return None
    return figure * factor if milliwatts is None else milliwatts_to_dbm(figure * factor * milliwatts)


def _well(well: tuple[int, ...], raw: Raw) -> bool:
    return raw is None or raw in well


Rows = Mapping[str, list[tuple[Held, Held, Held]]]


async def _rows(book: Book, table: Sensors) -> Rows:
    """Severity, relation and value of every threshold, by entity."""
    if table.rows is None:
        return {}
    severity, relation, value = await book.columns((table.rows.severity, table.rows.relation, table.rows.value))
    found: dict[str, list[tuple[Held, Held, Held]]] = {}
    for index, held in value.items():
        found.setdefault(index.partition(".")[0], []).append((severity.get(index), relation.get(index), held))
    return found


async def _limits(
    book: Book, table: Sensors, index: str, rows: Rows, convert: Callable[[Raw], float | None]
) -> dict[Limit, float]:
    found: dict[Limit, float] = {}
    if table.rows is not None:
        for severity, relation, raw in rows.get(index, ()):
            name = _named(table, severity, relation)
            value = convert(raw)
            if name is not None and value is not None:
                found.setdefault(name, value)
    for limit, oid in table.limits.items():
        value = convert((await book.column(oid)).get(index))
        if value is not None:
            found[limit] = value
    return found


def _named(table: Sensors, severity: Held, relation: Held) -> Limit | None:
    rows = table.rows
    if rows is None or relation not in (*rows.low, *rows.high):
        return None
    if severity in rows.alarm:
        return "low_alarm" if relation in rows.low else "high_alarm"
    if severity in rows.warning:
        return "low_warning" if relation in rows.low else "high_warning"
    return None
