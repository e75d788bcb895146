"""What a device's figure means, which index belongs to which port, and which profile a device has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from exporters.book import Book
from exporters.discovery import Discovered, discover
from exporters.optical_tables import Place, table_sensors
from exporters.ports import DevicePort, Names
from ops.catalogue.device import Device, device, names
from ops.catalogue.identify import identify
from ops.catalogue.optical import Column, Condition, Piece, Raw, Table, plausible
from ops.errors import OpsError
from ops.system.ber import Tag, Value, oid
from ops.system.snmprec import recording

E = "1.3.6.1.4.1"
DBM_TEXT = device("vsol_olt").optical.tables[0].columns["transmit_power_dbm"].text  # type: ignore[union-attr]
ONU_POWER = device("zte_zxa10").optical.tables[2].columns["receive_power_dbm"]  # type: ignore[union-attr]


def column(**words: object) -> Column:
    return Column.model_validate({"oid": "1.3.6.1", **words})


@pytest.mark.parametrize(
    ("words", "raw", "value"),
    [
        ({"divide": 100}, -1850, -18.5),
        ({"divide": 100, "invalid": [-1, 2147483647]}, 2147483647, None),
        ({"divide": 100, "invalid": [-1]}, 4294967295, None),  # -1 in unsigned clothes
        ({"divide": 100}, 4294965446, -18.5),  # -1850 in unsigned clothes
        ({"subtract": 10000, "divide": 100}, 8021, -19.79),
        ({"unit": "milliwatt", "divide": 10000}, 631, -11.9997),
        ({"unit": "milliwatt", "divide": 10000}, 0, None),
        ({"unit": "milliwatt"}, b"0.2455", -6.0995),
        ({"unit": "milliwatt"}, b"", None),
        ({}, b" -12.34 dBm\0", -12.34),
        ({}, b"-Inf", None),
        ({}, b"N/A", None),
        ({}, b"1.5e-3", 0.0015),
        ({"invalid": ["na", "0.00"]}, b"0.00", None),
        ({"invalid": ["na", "0.00"]}, b"-18.42", -18.42),
        ({"text": DBM_TEXT}, b"0.03 mW (-14.61 dBm)", -14.61),
        ({"text": DBM_TEXT}, b"-19.32(dBm)", -19.32),
        ({"text": DBM_TEXT}, b"6.56 dbm", 6.56),
        ({"text": DBM_TEXT}, b"-28.3", -28.3),
        ({"text": DBM_TEXT}, b"N/A", None),
        ({"lost": [1]}, 1, 1.0),
        ({"lost": [2]}, 1, 0.0),
        ({"lost": ["True"]}, b"True", 1.0),
        ({"lost": ["True"]}, b"False", 0.0),
    ],
)
def test_a_figure_means_what_the_profile_says(words: dict[str, object], raw: int | bytes, value: float | None) -> None:
    found = column(**words).value(raw)
    assert found == (None if value is None else pytest.approx(value, abs=1e-4))


@pytest.mark.parametrize(
    ("raw", "dbm"),
    [(4830, -20.34), (16120, 2.24), (63036, -35.0), (65535, None), (0, None), (30000, None), (60000, None)],
)
def test_zte_counts_onus_in_two_ranges(raw: int, dbm: float | None) -> None:
    assert ONU_POWER.value(raw) == (None if dbm is None else pytest.approx(dbm, abs=1e-6))


@settings(deadline=None)
@given(dbm=st.floats(-39, 8), divide=st.sampled_from([1, 10, 100, 1000]))
def test_what_a_device_would_answer_means_the_same_again(dbm: float, divide: int) -> None:
    one = column(divide=divide, invalid=[0])
    assert one.value(one.raw(dbm)) == pytest.approx(
        dbm, abs=1.51 / divide
    )  # one step aside where the figure itself is invalid


@pytest.mark.parametrize("dbm", [-40.0, -60.0, -99999.999, float("-inf"), float("nan"), 2147483.6])
def test_no_figure_that_devices_make_up_for_darkness_is_light(dbm: float) -> None:
    assert plausible("receive_power_dbm", dbm) is None


def test_light_and_other_figures_are_left_as_they_are() -> None:
    assert plausible("receive_power_dbm", -39.9) == -39.9
    assert plausible("transmit_power_dbm", 8.2) == 8.2
    assert plausible("temperature_celsius", -45.0) == -45.0


@pytest.mark.parametrize(
    ("words", "raw", "holds"),
    [
        ({"is": [1]}, 1, True),
        ({"is": [1]}, 2, False),
        ({"is": [1]}, b"1 ", True),
        ({"is_not": [12]}, 12, False),
        ({"is_not": [12]}, 3, True),
        ({"is_not": ["down"]}, b"down", False),
        ({"most": 0}, 5, False),
        ({"most": 0}, -5, True),
        ({"is": [1]}, None, True),
    ],
)
def test_a_companion_decides(words: dict[str, object], raw: int | bytes | None, holds: bool) -> None:
    assert Condition.model_validate({"oid": "1.3.6", **words}).holds(raw) is holds


@pytest.mark.parametrize(
    "words",
    [
        {"index": "ifindex", "columns": {"receive_power_dbm": {"oid": ".1.2"}}},  # no root for it
        {"index": "nonsense", "columns": {}},
        {"index": "serial.1", "columns": {}},
        {"index": "ifindex", "columns": {"colour": {"oid": "1.2"}}},
        {"index": "ifindex", "columns": {"receive_power_dbm": {"oid": "1.2", "text": "no group"}}},
        {"index": "ifindex", "columns": {"receive_power_dbm": {"oid": "1.2", "divid": 10}}},
        {"index": "ifindex", "columns": {}, "only": [{"oid": "1.2"}]},
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(words: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Table.model_validate(words)


# ---- which profile


@pytest.mark.parametrize(
    ("object_id", "description", "model"),
    [
        (f"{E}.14988.1", "RouterOS CCR", "mikrotik_routeros"),
        (f"{E}.2011.2.23.600", "S5735 Huawei Versatile Routing Platform", "huawei_vrp"),
        (f"{E}.2011.2.23.600", "Huawei YunShan OS", "huawei_yunshan"),
        (f"{E}.2011.2.248", "Huawei Integrated Access Software", "huawei_smartax"),
        (f"{E}.9.1.516", "Cisco IOS Software", "cisco_ios"),
        (f"{E}.9.6.1.95.28.5", "SG350", "cisco_small_business"),
        (f"{E}.9.1.3000", "Catalyst 1300 Series Managed Switch", "cisco_small_business"),
        (f".{E}.30065.1.3011", "Arista", "entity_sensor"),
        (f"{E}.140.1", "", ""),  # 14988 begins with the same figures, not with the same number
        ("", "", ""),
    ],
)
def test_the_longest_match_wins(object_id: str, description: str, model: str) -> None:
    assert identify(object_id, description).model == model


def test_no_two_profiles_claim_the_same_device() -> None:
    claimed = [(one.object_id, one.description) for name in names() for one in device(name).identity]
    assert len(claimed) == len(set(claimed))


@pytest.mark.parametrize("model", names())
def test_a_profile_knows_its_own_example(model: str) -> None:
    profile = device(model)
    assert identify(profile.object_id, profile.example).model == model


def test_a_profile_without_commands_says_so() -> None:
    measured: Device = device("fiberhome_an5516")
    with pytest.raises(OpsError, match="no `netmiko`"):
        _ = measured.netmiko
    with pytest.raises(OpsError, match="no `queue`"):
        _ = measured.queue
    with pytest.raises(OpsError, match="no `running_config`"):
        _ = measured.running_config


# ---- which port


def found(rows: Mapping[str, int | str | tuple[int, ...]], model: str = "") -> Discovered:
    tags = {int: Tag.INTEGER, str: Tag.OCTETS, tuple: Tag.OID}
    held = {
        oid(name): Value(tags[type(raw)], raw.encode() if isinstance(raw, str) else raw) for name, raw in rows.items()
    }
    return asyncio.run(discover(recording(held), model=model))


IF, IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
ENTITY, ALIAS = "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.2.1.47.1.3.2.1.2"
SENSOR = "1.3.6.1.2.1.99.1.1.1"


def sensor(index: int, figure: int, kind: int = 14) -> dict[str, int | str | tuple[int, ...]]:
    return {f"{SENSOR}.{column}.{index}": raw for column, raw in ((1, kind), (2, 9), (3, 1), (4, figure), (5, 1))}


PORTS: dict[str, int | str | tuple[int, ...]] = {
    f"{IF}.2.3": "GigabitEthernet0/3", f"{IFX}.1.3": "Gi0/3",
    f"{IF}.2.30": "GigabitEthernet0/30", f"{IFX}.1.30": "Gi0/30",
}  # fmt: skip


def test_a_sensor_is_joined_through_what_it_is_plugged_into() -> None:
    rows = PORTS | sensor(100, -52) | {
        f"{ENTITY}.7.100": "Receive Power Sensor", f"{ENTITY}.4.100": 90, f"{ENTITY}.4.90": 80,
        f"{ALIAS}.80.0": oid(f"{IF}.1.30"),
    }  # fmt: skip
    (light,) = found(rows, "cisco_ios").sensors
    assert (light.ifindex, light.port, light.value({light.oid: -52})) == (30, "Gi0/30", -5.2)


@pytest.mark.parametrize(
    "name", ["Gi0/3 Receive Power Sensor", "DOM RX Power Sensor for GigabitEthernet0/3", "GigabitEthernet0/3-Rx Power"]
)
def test_a_sensor_is_joined_by_the_port_in_its_name_and_no_longer_one(name: str) -> None:
    (light,) = found(PORTS | sensor(100, -52) | {f"{ENTITY}.7.100": name}, "cisco_ios").sensors
    assert light.ifindex == 3


def test_hardware_that_contains_itself_ends() -> None:
    rows = PORTS | sensor(100, -52) | {f"{ENTITY}.7.100": "Rx Power", f"{ENTITY}.4.100": 90, f"{ENTITY}.4.90": 100}
    (light,) = found(rows, "cisco_ios").sensors
    assert light.ifindex == 0


@pytest.mark.parametrize(("kind", "name"), [(6, "PSU 1 output power"), (14, "Noise"), (8, "Inlet temperature")])
def test_what_is_no_transceivers_is_left_out(kind: int, name: str) -> None:
    assert found(PORTS | sensor(100, 5, kind) | {f"{ENTITY}.7.100": name}, "cisco_ios").sensors == ()


def test_names_are_found_whatever_their_case_and_spaces() -> None:
    known = Names([DevicePort(7, "TenGigabitEthernet 0/25", "", "")])
    assert known.find("tengigabitethernet0/25") is not None
    assert known.inside("port TenGigabitEthernet 0/25 (uplink)") is not None
    assert known.inside("port TenGigabitEthernet 0/2 (uplink)") is None


def test_a_port_without_ifxtable_has_its_description_and_32_bits() -> None:
    rows: dict[str, int | str | tuple[int, ...]] = {
        f"{IF}.2.1": "Port 1", f"{IF}.8.1": 6, f"{IF}.5.1": 100_000_000, f"{IF}.10.1": 5, f"{IF}.16.1": 6,
    }  # fmt: skip
    (port,) = found(rows).ports.values()
    assert port == DevicePort(1, "Port 1", "Port 1", "", "notPresent", 100_000_000, 5, 6)


def test_64_bits_and_the_high_speed_are_believed_first() -> None:
    rows: dict[str, int | str | tuple[int, ...]] = {
        f"{IF}.2.1": "x", f"{IF}.5.1": 4_294_967_295, f"{IFX}.15.1": 10_000, f"{IF}.10.1": 5, f"{IFX}.6.1": 2**40,
        f"{IFX}.15.2": 0, f"{IF}.5.2": 64_000,
    }  # fmt: skip
    ports = found(rows).ports
    assert (ports[1].speed_bps, ports[1].in_octets, ports[1].out_octets) == (10_000_000_000, 2**40, None)
    assert ports[2].speed_bps == 64_000


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"-003.0000 dBm: Normal", -3.0),
        ("501.2 uWatts Low-Warn", -3.0),
        (b"N/A", None),
        (b"4.2 furlongs", None),
        (4, None),
    ],
)
def test_a_texts_own_unit_chooses_the_rule(raw: Raw, value: float | None) -> None:
    pieces = [{"word": "dbm"}, {"word": "UW", "divide": 1000, "unit": "milliwatt"}]
    found = column(pieces=pieces, text=r"^(?P<value>[-+]?[\d.]+)").value(raw)
    assert found == (None if value is None else pytest.approx(value, abs=0.001))


def test_pieces_outside_of_every_range_are_no_value() -> None:
    assert Column(oid="1.3", pieces=(Piece(least=0, most=10),)).value(11) is None


def test_of_the_tables_of_one_choice_only_the_first_plausible_one_is_used() -> None:
    rows: dict[str, int | str | tuple[int, ...]] = {
        f"{E}.25355.3.3.1.1.4.1.1.1.7": -2100,  # GPON, in 0.01 dBm
        f"{E}.34592.1.3.100.12.1.1.14.1.7": -195,  # HA73xx, in 0.1 dBm: comes later and would be plausible too
    }
    (light,) = found(rows, "hioso_olt").sensors
    assert light.value({light.oid: -2100}) == -21.0


def test_numbers_that_are_packed_into_one_step_are_taken_apart() -> None:
    packed = Table.model_validate(
        {
            "index": "onu.0.0",
            "columns": {"receive_power_dbm": {"oid": f"{E}.1.1", "divide": 100}},
            "split": {"onu": {"pon": {"shift": 8, "mask": 255}, "onu": {"mask": 255}}},
            "port": ["EPON0/{pon}"],
        }
    )
    port = DevicePort(9, "EPON0/3", "", "")
    held = {oid(f"{E}.1.1.{(1 << 24) + (3 << 8) + 7}.0.0"): Value(Tag.INTEGER, -2100)}
    place = Place(Book(recording(held)), {9: port}, Names([port]))
    (light,) = asyncio.run(table_sensors(place, packed))
    assert (light.ifindex, light.port, light.onu) == (9, "EPON0/3", "7")


@pytest.mark.parametrize("column", ["1.2.11.1.6.1", "99.1.10.7.1.6.1", "99.105.2.1.1.1.6.1"])
def test_what_stands_below_an_unknown_makers_number_is_no_light(column: str) -> None:
    rows: dict[str, int | str | tuple[int, ...]] = {
        "1.3.6.1.2.1.1.2.0": (1, 3, 6, 1, 4, 1, 64999, 99),
        f"{IF}.2.1": "port 1",
        f"{E}.64999.{column}": 1,
    }
    assert found(rows).sensors == ()


def test_a_short_kind_of_port_names_the_only_port_of_that_kind_and_number() -> None:
    known = Names([DevicePort(9, "GigabitEthernet9", "", ""), DevicePort(10, "TenGigabitEthernet9", "", "")])
    ports = [known.inside(name) for name in ("GE9", "xe9", "gi1", "PE9")]
    assert [port and port.ifindex for port in ports] == [9, 10, None, None]


def test_a_serial_number_of_gpon_is_told_as_people_know_it() -> None:
    table = Table.model_validate({"index": "slot.serial", "columns": {"receive_power_dbm": {"oid": f"{E}.1.1"}}})
    names = {"1.8.69.76.84.88.98.0.0.42": "ELTX6200002A", "1.4.65.66.67.68": "ABCD", "1.3.65.7.66": "A07B"}
    for index, name in names.items():
        place = Place(Book(recording({oid(f"{E}.1.1.{index}"): Value(Tag.INTEGER, -20)})), {}, Names([]))
        (light,) = asyncio.run(table_sensors(place, table))
        assert light.onu == name


def test_an_ifindex_may_be_made_of_the_index() -> None:
    made = Table.model_validate(
        {
            "index": "any.slot.pon",
            "columns": {"receive_power_dbm": {"oid": f"{E}.1.1"}},
            "port_index": "3{slot:0>2}{pon:0>2}",
        }
    )
    port = DevicePort(30201, "GPON", "", "")
    place = Place(Book(recording({oid(f"{E}.1.1.1.2.1"): Value(Tag.INTEGER, -20)})), {30201: port}, Names([port]))
    (light,) = asyncio.run(table_sensors(place, made))
    assert light.ifindex == 30201
