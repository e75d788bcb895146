"""What a twin's router answers over SNMP: standard tables and its vendor's optical table, each row made when asked.

MIB-II system and ifTable (RFC 1213, RFC 2863), ifXTable, entPhysicalName (RFC 6933), optics from the device profile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ops.catalogue.device import Device
from ops.catalogue.optical import Column, Optic
from ops.system.ber import Oid, Tag, Value, oid
from ops.system.sockets import Counters

SYSTEM = oid("1.3.6.1.2.1.1")
IF_NUMBER = oid("1.3.6.1.2.1.2.1.0")
IF_TABLE = oid("1.3.6.1.2.1.2.2.1")
IFX_TABLE = oid("1.3.6.1.2.1.31.1.1.1")
IF_TABLE_LAST_CHANGE = oid("1.3.6.1.2.1.31.1.5.0")
ENTITY_NAME = oid("1.3.6.1.2.1.47.1.1.1.1.7")
ENTITY_BASE = 67_108_864  # entPhysicalIndex = this + ifIndex, as large and arbitrary as on real devices
LIMITS = {"low_alarm": -23.0, "low_warning": -20.0, "high_warning": -1.0, "high_alarm": 1.0}  # dBm, as an LX has them
_UP, _DOWN = 1, 2
_ETHERNET = 6  # ifType ethernetCsmacd
_MAX32 = 2**32
_GAUGE_MAX = _MAX32 - 1


@dataclass(frozen=True, slots=True)
class Port:
    """A router's port: its declared name, its kernel interface, its ifIndex, speed in bit/s; `fibre`: has optics."""

    ifname: str
    kernel: str
    ifindex: int
    speed: int
    alias: str = ""
    fibre: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at a router, all values of one moment. `optics`: by ifName, then column; ticks: 10 ms."""

    ticks: int
    changed_ticks: int
    counters: dict[str, Counters]
    running: dict[str, bool]
    optics: dict[str, dict[Optic, float | None]]


Getter = Callable[[Snapshot], Value]


def view(name: str, device: Device, ports: tuple[Port, ...]) -> dict[Oid, Getter]:
    """Every OID that the router knows, with how to get its value, sorted by OID."""
    rows = _system(name, device, len(ports))
    for port in ports:
        rows.update(_interface(port))
        if port.fibre and device.optical:
            rows.update(_optics(port, device))
    return dict(sorted(rows.items()))


def _system(name: str, device: Device, ports: int) -> dict[Oid, Getter]:
    return {
        (*SYSTEM, 1, 0): _fixed(Tag.OCTETS, f"{device.example} (kominfo-ops twin)".encode()),
        (*SYSTEM, 2, 0): _fixed(Tag.OID, oid(device.object_id)),
        (*SYSTEM, 3, 0): lambda seen: Value(Tag.TIMETICKS, seen.ticks % _MAX32),
        (*SYSTEM, 5, 0): _fixed(Tag.OCTETS, name.encode()),
        IF_NUMBER: _fixed(Tag.INTEGER, ports),
        IF_TABLE_LAST_CHANGE: lambda seen: Value(Tag.TIMETICKS, seen.changed_ticks % _MAX32),
    }


def _interface(port: Port) -> dict[Oid, Getter]:
    def counter(column: str, tag: Tag) -> Getter:
        limit = _MAX32 if tag is Tag.COUNTER32 else 2**64
        return lambda seen: Value(tag, getattr(seen.counters.get(port.kernel, Counters()), column) % limit)

    def state(seen: Snapshot) -> Value:
        return Value(Tag.INTEGER, _UP if seen.running.get(port.kernel) else _DOWN)

    basic: dict[int, Getter] = {
        1: _fixed(Tag.INTEGER, port.ifindex),
        2: _fixed(Tag.OCTETS, port.ifname.encode()),
        3: _fixed(Tag.INTEGER, _ETHERNET),
        5: _fixed(Tag.GAUGE32, min(port.speed, _GAUGE_MAX)),
        7: _fixed(Tag.INTEGER, _UP),
        8: state,
        10: counter("in_octets", Tag.COUNTER32),
        11: counter("in_packets", Tag.COUNTER32),
        13: counter("in_drops", Tag.COUNTER32),
        14: counter("in_errors", Tag.COUNTER32),
        16: counter("out_octets", Tag.COUNTER32),
        17: counter("out_packets", Tag.COUNTER32),
        19: counter("out_drops", Tag.COUNTER32),
        20: counter("out_errors", Tag.COUNTER32),
    }
    extended: dict[int, Getter] = {
        1: _fixed(Tag.OCTETS, port.ifname.encode()),
        6: counter("in_octets", Tag.COUNTER64),
        7: counter("in_packets", Tag.COUNTER64),
        10: counter("out_octets", Tag.COUNTER64),
        11: counter("out_packets", Tag.COUNTER64),
        15: _fixed(Tag.GAUGE32, port.speed // 1_000_000),
        18: _fixed(Tag.OCTETS, port.alias.encode()),
    }
    rows = {(*IF_TABLE, column, port.ifindex): getter for column, getter in basic.items()}
    return rows | {(*IFX_TABLE, column, port.ifindex): getter for column, getter in extended.items()}


def _optics(port: Port, device: Device) -> dict[Oid, Getter]:
    assert device.optical  # noqa: S101 # the caller looked
    rows: dict[Oid, Getter] = {}
    index = port.ifindex
    (table, *_) = device.optical.tables
    if table.index == "entity":
        index += ENTITY_BASE
        rows[*ENTITY_NAME, index] = _fixed(Tag.OCTETS, port.ifname.encode())
    for name, column in table.columns.items():

        def optic(seen: Snapshot, name: Optic = name, column: Column = column) -> Value:
            return Value(Tag.INTEGER, column.raw(seen.optics.get(port.ifname, {}).get(name)))

        rows[*oid(column.oid), index] = optic
        for limit, threshold in column.limits.items():
            rows[*oid(threshold.oid), index] = _fixed(Tag.INTEGER, threshold.raw(LIMITS[limit]))
    return rows


def _fixed(tag: Tag, data: int | bytes | Oid) -> Getter:
    value = Value(tag, data)
    return lambda _seen: value
