"""Sensors of every kind as devices write them: what they measure, in which unit, and at which port."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from exporters.discovery import Discovered, discover
from exporters.light import report
from exporters.ports import DevicePort, Names
from ops.system.ber import Tag, Value, oid
from ops.system.snmprec import recording

Raw = int | str | tuple[int, ...]
Rows = dict[str, Raw]
IF, IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
ENTITY, ALIAS = "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.2.1.47.1.3.2.1.2"
SENSOR = "1.3.6.1.2.1.99.1.1.1"
MILLI, MICRO, UNITS = 8, 7, 9
OTHER, WATTS, DBM = 1, 6, 14
PORTS: Rows = {
    f"{IFX}.1.3": "Te1/0/3", f"{IF}.2.3": "TenGigabitEthernet1/0/3",
    f"{IFX}.1.4": "Te1/0/4", f"{IF}.2.4": "TenGigabitEthernet1/0/4",
}  # fmt: skip


def found(rows: Mapping[str, Raw], model: str = "entity_sensor") -> Discovered:
    tags = {int: Tag.INTEGER, str: Tag.OCTETS, tuple: Tag.OID}
    held = {
        oid(name): Value(tags[type(raw)], raw.encode() if isinstance(raw, str) else raw) for name, raw in rows.items()
    }
    return asyncio.run(discover(recording(held), model=model))


def light(rows: Mapping[str, Raw], model: str = "entity_sensor") -> list[tuple[int | None, str, str | None, float]]:
    told = report(found(rows, model))["optics"]
    return [(one["ifindex"], one["direction"], one["lane"], one["dbm"]) for one in told]


def sensor(figure: Raw, name: str, kind: int = DBM, scale: int = UNITS, precision: int = 1, unit: str = "") -> Rows:
    columns: tuple[tuple[int, Raw], ...] = ((1, kind), (2, scale), (3, precision), (4, figure), (5, 1), (6, unit))
    return {f"{SENSOR}.{column}.90": raw for column, raw in columns} | {f"{ENTITY}.7.90": name}


RX = "Te1/0/3 Receive Power Sensor"


@pytest.mark.parametrize(
    ("kind", "scale", "precision", "unit", "figure", "dbm"),
    [
        (DBM, UNITS, 1, "", -52, -5.2),
        (DBM, MILLI, 0, "", -5200, -5.2),
        (DBM, MILLI, 2, "", -520000, -5.2),
        (DBM, UNITS, -3, "", -5, -5.0),  # RFC 3433: so many digits are accurate; no scale
        (DBM, 0, 1, "", -52, -5.2),
        (DBM, UNITS, 1615384784, "", -5, -5.0),
        (DBM, UNITS, 1, "", 2**32 - 52, -5.2),
        (DBM, UNITS, 0, "", "-5.2", -5.2),
        (DBM, UNITS, 0, "", "-5.2 dBm", -5.2),
        (WATTS, MILLI, 4, "", 3020, -5.2),
        (WATTS, MICRO, 1, "", 3020, -5.2),
        (WATTS, 6, 0, "", 302000, -5.2),  # nanowatt
        (WATTS, UNITS, 1, "dBm", -52, -5.2),
        (OTHER, UNITS, 1, "", -52, -5.2),
        (OTHER, UNITS, 2, "dBm", -520, -5.2),
        (OTHER, UNITS, 4, "mW", 3020, -5.2),
        (OTHER, UNITS, 0, "uW", 302, -5.2),
        (2, UNITS, 1, "dBm", -52, -5.2),
    ],
)
def test_a_figure_means_what_type_scale_precision_and_unit_say(
    kind: int, scale: int, precision: int, unit: str, figure: int | str, dbm: float
) -> None:
    ((ifindex, direction, lane, told),) = light(PORTS | sensor(figure, RX, kind, scale, precision, unit))
    assert (ifindex, direction, lane) == (3, "rx", None)
    assert told == pytest.approx(dbm, abs=0.002)


@pytest.mark.parametrize(("kind", "unit"), [(OTHER, "mA"), (OTHER, "Celsius"), (2, ""), (11, "")])
def test_what_is_of_another_unit_is_no_light(kind: int, unit: str) -> None:
    assert light(PORTS | sensor(52, RX, kind, UNITS, 1, unit)) == []


@pytest.mark.parametrize("figure", [2147483647, -32768, 1000000000, -1000000000, "N/A", "", "-inf"])
def test_what_stands_for_nothing_is_nothing(figure: int | str) -> None:
    assert light(PORTS | sensor(figure, RX, precision=0)) == []


@pytest.mark.parametrize(
    ("name", "direction", "lane"),
    [
        ("Te1/0/3 Rx Power", "rx", None),
        ("Te1/0/3-RxPower", "rx", None),
        ("Te1/0/3 rxpower", "rx", None),
        ("Te1/0/3 opticalTxPower", "tx", None),
        ("TenGigabitEthernet1/0/3 Transmit Power Sensor", "tx", None),
        ("Te1/0/3-Tx Lane 2 Power", "tx", "2"),
        ("Te1/0/3 RX2 Power", "rx", "2"),
        ("Te1/0/3 Lane 1 Transceiver Receive Power Sensor", "rx", "1"),
        ("Te1/0/3 (Port-channel 12) Rx Power", "rx", None),
        ("TenGigE1/0/3 Rx Power", "rx", None),
    ],
)
def test_a_name_says_direction_lane_and_port(name: str, direction: str, lane: str | None) -> None:
    assert light(PORTS | sensor(-52, name)) == [(3, direction, lane, -5.2)]


HELD: Rows = {  # a slot with two cages; in each a transceiver, and in that the port
    f"{ENTITY}.7.1": "Chassis", f"{ENTITY}.4.1": 0, f"{ENTITY}.4.10": 1,
    f"{ENTITY}.4.20": 10, f"{ENTITY}.4.30": 20, f"{ENTITY}.4.31": 30, f"{ALIAS}.31.0": oid(f"{IF}.1.3"),
    f"{ENTITY}.4.40": 10, f"{ENTITY}.4.50": 40, f"{ENTITY}.4.51": 50, f"{ALIAS}.51.0": oid(f"{IF}.1.4"),
}  # fmt: skip


def test_a_sensor_belongs_to_the_port_that_stands_beside_it() -> None:
    rows = PORTS | HELD | sensor(-52, "Rx Power") | {f"{ENTITY}.4.90": 50}
    assert light(rows) == [(4, "rx", None, -5.2)]


@pytest.mark.parametrize("stands_in", [10, 1])
def test_where_several_ports_or_the_whole_box_is_all_that_holds_it_it_belongs_to_none(stands_in: int) -> None:
    rows = PORTS | HELD | sensor(-52, "Rx Power") | {f"{ENTITY}.4.90": stands_in}
    del rows[f"{ALIAS}.51.0"]
    rows |= {f"{ALIAS}.20.0": oid(f"{IF}.1.3"), f"{ALIAS}.40.0": oid(f"{IF}.1.4"), f"{ALIAS}.10.9": oid("0.0")}
    assert light(rows) == [(None, "rx", None, -5.2)]


def test_the_only_port_of_a_whole_box_is_not_the_port_of_all_its_sensors() -> None:
    rows: Rows = {f"{ENTITY}.4.1": 0, f"{ENTITY}.4.20": 1, f"{ALIAS}.20.0": oid(f"{IF}.1.3"), f"{ENTITY}.4.90": 1}
    assert light(PORTS | rows | sensor(-52, "Rx Power")) == [(None, "rx", None, -5.2)]


def test_a_chassis_called_1_is_not_port_1() -> None:
    rows: Rows = {f"{IFX}.1.1": "1", f"{ENTITY}.7.5": "1", f"{ENTITY}.4.90": 5}
    assert light(rows | sensor(-52, "Rx")) == [(None, "rx", None, -5.2)]


@pytest.mark.parametrize(
    ("said", "port"), [("Te1/0/3 Rx", 3), ("TenGigE1/0/3 Rx", 3), ("Hu1/0/3 Rx", 0), ("T1/0/3", 0)]
)
def test_a_port_is_known_by_a_shorter_or_longer_name_of_its_kind(said: str, port: int) -> None:
    known = Names([DevicePort(3, "TenGigE1/0/3", "", ""), DevicePort(4, "TenGigE1/0/30", "", "")])
    hit = known.inside(said)
    assert (hit.ifindex if hit else 0) == port


def test_the_same_number_at_two_kinds_of_ports_is_no_ones() -> None:
    known = Names([DevicePort(3, "TenGigE1/0/3", "", ""), DevicePort(4, "TenGigabitEthernet1/0/3", "", "")])
    assert known.inside("Te1/0/3 Rx") is None


@pytest.mark.parametrize("model", ["mikrotik_routeros", "ubiquiti_edgeswitch", "juniper_junos"])
def test_a_device_whose_own_tables_tell_no_light_may_have_the_standard_one(model: str) -> None:
    assert light(PORTS | sensor(-52, RX), model) == [(3, "rx", None, -5.2)]


def test_a_device_may_speak_as_another_system_of_its_maker_does() -> None:
    rows: Rows = {
        "1.3.6.1.2.1.1.2.0": oid("1.3.6.1.4.1.2011.2.23.999"),
        f"{IFX}.1.4194304000": "GPON 0/1/0",
        "1.3.6.1.4.1.2011.6.128.1.1.2.51.1.4.4194304000.5": -2150,
    }
    told = report(found(rows, ""))
    assert told["device"]["model"] == "huawei_vrp"
    assert [(one["port"], one["onu"], one["dbm"]) for one in told["optics"]] == [("GPON 0/1/0", "5", -21.5)]


def test_an_unknown_device_is_taken_for_the_one_whose_light_it_tells() -> None:
    """Not for the first whose column it has without a figure."""
    rows: Rows = {
        "1.3.6.1.4.1.3320.9.63.1.7.1.3.3": -65535,
        "1.3.6.1.4.1.2636.3.60.1.1.1.1.5.3": -523,
    }
    assert report(found(PORTS | rows, ""))["device"]["model"] == "juniper_junos"


@pytest.mark.parametrize(("told", "meant"), [(18042499345120, 18042499345120), (-1, 2**32 - 1), (5, 5)])
def test_what_iftable_counts_beyond_32_bits_is_told_as_it_is(told: int, meant: int) -> None:
    ports = found({f"{IF}.2.1": "bond0", f"{IF}.10.1": told}).ports
    assert ports[1].in_octets == meant
