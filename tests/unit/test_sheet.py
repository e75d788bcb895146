"""A page joined of columns says what its samples say, whatever is missing, and every metric's lines stand together."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.collectors.contract import Port, Reading
from exporters.metrics import Sample, head, render
from exporters.registry import collectors, recipes
from exporters.sensor import Sensor, sensor_of
from exporters.series import Recipes
from exporters.sheet import Sheet, filled, page
from ops.catalogue.device import device
from ops.catalogue.optical import Raw
from ops.inventory.load import load
from ops.inventory.watched import watched


def sensors(model: str, index: str) -> tuple[Sensor, ...]:
    """A port's row in a vendor's first optical table."""
    optical = device(model).optical
    assert optical
    return tuple(sensor_of(name, column, f"{column.oid}.{index}") for name, column in optical.tables[0].columns.items())


ONES = {one.router.name: one for one in watched(load(Path(__file__).parents[2] / "inventories/batubara").opds)}
PORTS = [
    Port(
        ONES["dinkes-rtr1"], device("mikrotik_routeros"), "7", sensors("mikrotik_routeros", "7"), -8.4, alias='a"b\\c'
    ),
    Port(ONES["rsud-rtr1"], device("huawei_vrp"), "9", sensors("huawei_vrp", "67108873"), None, narrow=True),
]
RAW = st.one_of(st.none(), st.integers(-50_000, 70_000), st.integers(0, 2**64 - 1), st.binary(max_size=4))


def asked(port: Port) -> list[str]:
    return list(dict.fromkeys(oid for one in recipes(port) for oid in one.oids))


SHEETS = {port.ifindex: Sheet(recipes(port), asked(port)) for port in PORTS}


def samples(port: Port, held: dict[str, Raw]) -> list[Sample]:
    return [one for found in collectors() if isinstance(found, Recipes) for one in found.samples(port, Reading(held))]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(PORTS), st.lists(RAW, min_size=20, max_size=20)), max_size=6))
def test_a_page_says_what_the_samples_say(polls: list[tuple[Port, list[Raw]]]) -> None:
    parts, told = [], []
    for port, raw in polls:
        row = raw[: len(asked(port))]
        parts.append(SHEETS[port.ifindex].fill(row))
        told += samples(port, dict(zip(asked(port), row, strict=True)))
    lines = page(parts).splitlines()
    names = [line.removeprefix("# HELP ").partition(" ")[0].partition("{")[0] for line in lines if "# TYPE" not in line]
    assert len(list(groupby(names))) == len(set(names)), "a metric's lines stand together"
    assert sorted(map(rounded, lines)) == sorted(map(rounded, render(told).splitlines()))


def rounded(line: str) -> str:
    """A line whose figure is written with the fifteen digits that a sheet writes."""
    begin, _, figure = line.rpartition(" ")
    return line if line.startswith("#") else f"{begin} {float(figure):.15g}"


def test_nothing_told_is_no_text() -> None:
    assert page([]) == page([filled([])]) == ""


def test_samples_made_in_another_way_stand_beside_the_others() -> None:
    labels = (("opd", "a"), ("site", "s"), ("device", "d"))
    one, two = filled([Sample("opd_poll_up", labels, 1.0)]), filled([Sample("opd_poll_up", labels[:1], 0.25)])
    told = 'opd_poll_up{opd="a",site="s",device="d"} 1\nopd_poll_up{opd="a"} 0.25\n'
    assert page([one, two]) == f"{head('opd_poll_up')}\n{told}"
