"""Readings as stretches of time: none is invented, none is lost, and what nobody measured is unknown."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ops.inventory.load import load
from ops.inventory.moments import WeeklyWindow, Window
from ops.reports.availability import ANSWERED, LOST, PORT, availability
from ops.reports.measured import Measured, Readings
from ops.reports.outages import outages
from ops.reports.period import month_of
from ops.reports.spans import Sample, chosen, judged, pieces, total
from ops.reports.windows import spans

ZONE = ZoneInfo("Asia/Jakarta")
MONTH = month_of("2026-10", "Asia/Jakarta", datetime(2026, 11, 2, tzinfo=ZONE).timestamp())
OPD = load(Path(__file__).parents[2] / "inventories/batubara").opd("dinkes")
LINK = OPD.links[0]
TEN_MINUTES = 600.0
readings = st.dictionaries(st.integers(0, 20_000), st.sampled_from([0.0, 1.0]), max_size=60).map(
    lambda found: sorted((float(at), value) for at, value in found.items())
)


@given(readings)
def test_a_reading_holds_until_the_next_one_at_most_ten_minutes(samples: list[Sample]) -> None:
    found = pieces(samples, (0.0, 30_000.0))
    for second in range(0, 22_000, 97):
        newest = [value for at, value in samples if second - TEN_MINUTES < at <= second][-1:]
        assert [value for begin, end, value in found if begin <= second < end] == newest


@given(readings, readings)
def test_the_stretches_of_a_judgement_are_disjoint_and_complete(one: list[Sample], other: list[Sample]) -> None:
    parts = [pieces(samples, (0.0, 30_000.0)) for samples in (one, other)]
    found = judged(parts, lambda values: None if None in values else values[0] == values[1])
    same, differing = chosen(found, wanted=True), chosen(found, wanted=False)
    both = total([(begin, end) for begin, end, truth in found if truth is not None])
    assert total(same) + total(differing) == pytest.approx(both)


def told(**series: list[Sample]) -> Readings:
    keys = {
        "answered": (ANSWERED, LINK.router, "", ""),
        "port": (PORT, LINK.router, LINK.ifname, ""),
        "lost": (LOST, LINK.router, LINK.ifname, ""),
    }
    return Readings("q", {keys[name]: samples for name, samples in series.items()})


def minutes(*values: float | None, step: float = 300.0) -> list[Sample]:
    return [(MONTH.begin + number * step, value) for number, value in enumerate(values) if value is not None]


@pytest.mark.parametrize(
    ("series", "down"),
    [
        ({"answered": minutes(1, 0, 0, 1)}, 600.0),
        (
            {"answered": minutes(1, 0, 0, 1), "lost": minutes(0, 0.4, 0.4, 0)},
            0.0,
        ),  # it answers echo: SNMP alone is silent
        ({"answered": minutes(1, 0, 0, 1), "lost": minutes(0, 1, 1, 0)}, 600.0),
        (
            {"answered": minutes(1, 1, 1, 1), "port": minutes(1, 0, 0, 1)},
            600.0,
        ),  # reached another way, the link is down
        ({"answered": minutes(1, None, None, 1)}, 0.0),
    ],
)
def test_what_counts_as_down(series: dict[str, list[Sample]], down: float) -> None:
    found = availability(OPD, MONTH, told(**series))
    assert found.counted_down == down


def test_what_was_not_measured_is_neither_up_nor_down() -> None:
    found = availability(OPD, MONTH, told(answered=minutes(1, 1)))
    assert found.counted == 300 + TEN_MINUTES
    assert found.percent == 100.0
    assert found.unknown == MONTH.end - MONTH.begin - found.counted
    nothing = availability(OPD, MONTH, told())
    assert (nothing.percent, nothing.figure("Q1").reason) == (None, "Prometheus keeps no readings of it for this time")


def test_an_outage_that_goes_on_has_no_end() -> None:
    now = MONTH.begin + 1200
    running = month_of("2026-10", "Asia/Jakarta", now)
    readings = told(answered=minutes(1, 0, 0, 0))
    (one,) = outages(OPD, availability(OPD, running, readings), readings)
    assert (one.begin, one.end, one.seconds) == (MONTH.begin + 300, None, 900.0)


def window(text: str) -> Window:
    return TypeAdapter(WeeklyWindow).validate_python(text)


def test_weekly_windows_pass_midnight_and_the_months_edge() -> None:
    found = spans([window("wed 22:00-02:00")], MONTH)  # October 2026 begins on a Thursday
    assert found[0] == (MONTH.begin, MONTH.begin + 7200)
    assert len(found) == 5
    assert total(spans([window("mon-sun 00:00-24:00")], MONTH)) == MONTH.end - MONTH.begin


def test_a_prometheus_that_is_silent_is_asked_once() -> None:
    measured = Measured("http://127.0.0.1:9")
    assert measured.vector("up") == []
    assert measured.trouble == "Prometheus did not answer"
    assert measured.readings("up", MONTH).samples == {}
