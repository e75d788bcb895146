"""Whatever a recording holds, discovery ends with a report of sound figures: other people's recordings are odd."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporters.discovery import discover
from exporters.light import report
from ops.catalogue.device import device, names
from ops.catalogue.optical import Sensors, Table
from ops.errors import UsageError
from ops.system.snmprec import read

RECORDINGS = Path(__file__).parents[1] / "recordings"
STANDARD = [
    *(f"1.3.6.1.2.1.2.2.1.{column}" for column in (1, 2, 3, 5, 7, 8, 10, 16)),
    *(f"1.3.6.1.2.1.31.1.1.1.{column}" for column in (1, 6, 10, 15, 18)),
    *(f"1.3.6.1.2.1.47.1.1.1.1.{column}" for column in (2, 4, 5, 7)),
    "1.3.6.1.2.1.47.1.3.2.1.2",
]
STEPS = st.one_of(st.sampled_from([0, 1, 2, 3, 8, 9, 65535, 16779776, 4294967295]), st.integers(0, 2**34))
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, -4000, -40000, 2147483647, -2147483648, 4294967295, 2**64, -(2**70), 65535, 1615384784]),
    st.integers(-100_000, 100_000),
)
ODD = [
    *("", "N/A", "-12.34 dBm", "0.03 mW (-14.61 dBm)", "1e400", "nan", "Infinity", "-1,5", "1.2,3.4,-Inf"),
    *("Gi1/0/1", "Gi1/0/1 Receive Power Sensor", "DOM Rx Power Sensor for Ethernet49", "1.3.6.1.2.1.2.2.1.1.1"),
]
TEXTS = st.one_of(st.sampled_from(ODD), st.text(max_size=20))
HEXES = st.one_of(st.binary(max_size=12).map(lambda raw: raw.hex()), st.sampled_from(["0", "zz", "ff" * 300]))


@cache
def columns(model: str) -> tuple[str, ...]:
    """Every OID that a profile asks for."""
    optical = device(model).optical
    if optical is None:
        return ()
    asked = [oid for table in optical.tables for oid in _of_table(table)]
    asked += [oid for sensors in optical.sensors for oid in _of_sensors(sensors)]
    return tuple(dict.fromkeys(asked))


def _of_table(table: Table) -> Iterator[str]:
    for root in [root for root in table.roots if root[0].isdigit()] or [""]:
        for column in table.columns.values():
            parts = (column, *column.limits.values(), *column.only, *table.only)
            yield from (root + one.oid if one.oid.startswith(".") else one.oid for one in parts)
        if table.port_name:
            yield root + table.port_name if table.port_name.startswith(".") else table.port_name


def _of_sensors(sensors: Sensors) -> Iterator[str]:
    yield from (sensors.type, sensors.scale, sensors.precision, sensors.value, sensors.status)
    yield from sensors.limits.values()
    if sensors.rows:
        yield from (sensors.rows.severity, sensors.rows.relation, sensors.rows.value)


@st.composite
def lines(draw: st.DrawFn, model: str) -> list[bytes]:
    """Lines of a recording of such a device: rows that belong together, and any nonsense."""
    indices = draw(st.lists(st.lists(STEPS, max_size=3), min_size=1, max_size=3))
    numbers = st.tuples(st.sampled_from(["2", "65", "66", "67", "70", "99", ""]), NUMBERS.map(str))
    texts = st.tuples(st.sampled_from(["4", "6", "64", "4e", "2"]), TEXTS)
    value = st.one_of(numbers, numbers, texts, st.tuples(st.sampled_from(["4x", "68x", "68"]), HEXES))
    oids = st.sampled_from((*columns(model), *columns(model), *STANDARD))
    found = []
    for oid in draw(st.lists(oids, max_size=25)):
        for index in indices:
            kind, said = draw(value)
            name = ".".join([oid, *map(str, index)])
            found.append(f"{name}|{kind}|{said}".encode("utf-8", "surrogatepass"))
    return found + draw(st.lists(st.binary(max_size=30), max_size=3))


def reported(content: bytes) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any.snmprec"
        path.write_bytes(content)
        return report(asyncio.run(discover(read(path))))


def assert_sound(told: dict[str, Any]) -> None:
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    for port in told["ports"]:
        assert port["ifindex"] >= 0
        assert port["in_octets"] is None or 0 <= port["in_octets"] < 2**64
        assert port["oper"] in {"up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown"}
    for one in told["optics"]:
        assert math.isfinite(one["dbm"])
        assert -40 < one["dbm"] < 40
        assert one["direction"] in {"rx", "tx"}
    places = [
        tuple(one[key] for key in ("ifindex", "port", "direction", "lane", "onu", "side")) for one in told["optics"]
    ]
    assert len(set(places)) == len(places)


MODELS = st.sampled_from(names())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_no_recording_is_too_odd(data: st.DataObject) -> None:
    model = data.draw(MODELS)
    said = [f"1.3.6.1.2.1.1.2.0|6|{device(model).object_id}", f"1.3.6.1.2.1.1.1.0|4|{device(model).example}"]
    assert_sound(reported(b"\n".join([*(one.encode() for one in said), *data.draw(lines(model))])))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_nor_one_that_does_not_say_what_it_is(data: st.DataObject) -> None:
    rows = [b"1.3.6.1.2.1.1.3.0|67|1", *data.draw(lines(data.draw(MODELS)))]
    assert_sound(reported(b"\n".join(rows)))


ODD_ONCE = {
    "a column's own OID": "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9\n1.3.6.1.4.1.9.9.91.1.1.1.1.1|2|14",
    "two ports of one name": "1.3.6.1.2.1.31.1.1.1.1.1|4|Gi0/1\n1.3.6.1.2.1.31.1.1.1.1.2|4|Gi0/1",
    "a name that is no text, a counter below zero, a state that there is not": (
        "1.3.6.1.2.1.2.2.1.2.1|4x|ff00c3\n1.3.6.1.2.1.2.2.1.10.1|65|-1\n1.3.6.1.2.1.2.2.1.8.1|2|99"
    ),
    "an entity within itself": """1.3.6.1.2.1.47.1.1.1.1.4.1|2|2
1.3.6.1.2.1.47.1.1.1.1.4.2|2|1
1.3.6.1.2.1.47.1.1.1.1.7.1|4|Rx Power
1.3.6.1.2.1.99.1.1.1.1.1|2|14
1.3.6.1.2.1.99.1.1.1.4.1|2|-12""",
    "a precision that is a known error of Cisco's": """1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9
1.3.6.1.2.1.47.1.1.1.1.7.5|4|Gi0/1 Receive Power Sensor
1.3.6.1.4.1.9.9.91.1.1.1.1.1.5|2|14
1.3.6.1.4.1.9.9.91.1.1.1.1.2.5|2|9
1.3.6.1.4.1.9.9.91.1.1.1.1.3.5|2|1615384784
1.3.6.1.4.1.9.9.91.1.1.1.1.4.5|2|-12""",
}


@pytest.mark.parametrize("content", ODD_ONCE.values(), ids=ODD_ONCE.keys())
def test_what_is_odd_in_some_recording(content: str) -> None:
    assert_sound(reported(content.encode()))


@pytest.mark.parametrize("content", [b"", b"\n\n# a comment\n", b"\xff\xfe\x00", b"a|b|c\n"])
def test_what_is_no_recording_is_refused(content: bytes) -> None:
    with pytest.raises(UsageError, match=r"any\.snmprec"):
        reported(content)


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.snmprec")), ids=lambda path: path.stem)
def test_a_recording_that_lost_its_names_still_shows_the_same_light(path: Path) -> None:
    """Without ifXTable the ports are those of ifTable: as many readings, of the same figures."""
    whole = path.read_bytes()
    bare = b"\n".join(line for line in whole.splitlines() if not line.startswith(b"1.3.6.1.2.1.31."))
    before, after = reported(whole), reported(bare)
    assert_sound(after)
    assert sorted(one["dbm"] for one in after["optics"]) == sorted(one["dbm"] for one in before["optics"])
