"""Margins and trends: a date where light really falls, none on noise, steps and short histories; module or fibre."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.fibre import riders as model
from ops.fibre.budget import LX, Budget
from ops.fibre.evidence import Measured
from ops.fibre.health import Cause, History, dimming, dimming_segments, margin
from ops.fibre.locate import AT_ONCE
from ops.fibre.trend import DAY, LEAST_DAYS, Point, trend
from ops.inventory.load import load

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"


def readings(value: Callable[[float], float], days: int = 60, noise: float = 0.1, seed: int = 1) -> list[Point]:
    """Four readings a day of value(day), with noise of that standard deviation."""
    dice = random.Random(seed)
    return [(quarter * DAY / 4, value(quarter / 4) + dice.gauss(0, noise)) for quarter in range(days * 4)]


def test_a_lasting_fall_gets_its_date() -> None:
    found = trend(readings(lambda day: -12 - 0.05 * day))
    assert found is not None
    assert found.slope == pytest.approx(-0.05, rel=0.05)
    assert found.days_to(-23.0) == pytest.approx((23 - 12 - 0.05 * 59) / 0.05, rel=0.05)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 0.8))
def test_noise_gets_no_date(seed: int, noise: float) -> None:
    assert trend(readings(lambda _day: -14.0, 90, noise, seed)) is None


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 80), st.floats(0.5, 6.0), st.integers(0, 1000))
def test_a_step_is_no_trend(at: int, height: float, seed: int) -> None:
    assert trend(readings(lambda day: -14.0 - (height if day >= at else 0), 90, 0.08, seed)) is None


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.2), st.integers(0, 1000))
def test_wild_readings_do_not_move_it(slope: float, seed: int) -> None:
    dice = random.Random(seed)
    clean = readings(lambda day: -12 - slope * day, 60, 0.05, seed)
    wild = [(at, -40.0 if dice.random() < 0.1 else value) for at, value in clean]
    found = trend(wild)
    assert found is not None
    assert found.slope == pytest.approx(-slope, rel=0.15)


def test_a_short_history_gives_nothing() -> None:
    assert trend(readings(lambda day: -12 - 0.2 * day, LEAST_DAYS - 1)) is None
    assert trend(readings(lambda day: -12 - 0.2 * day, LEAST_DAYS + 1)) is not None
    assert trend([]) is None


def test_a_line_that_moves_away_or_is_there_already() -> None:
    found = trend(readings(lambda day: -12 - 0.05 * day, noise=0.01))
    assert found is not None
    assert found.days_to(-10.0) == 0.0  # below it already
    rising = trend(readings(lambda day: -20 + 0.05 * day, noise=0.01))
    assert rising is not None
    assert rising.days_to(-23.0) is None
    assert found.days_to(-1000.0) is None  # beyond ten years


def test_margin_is_what_is_left_above_the_weakest_light() -> None:
    budget = Budget(LX, 10, 8.0)
    found = margin(Measured(received=-15.0), budget)
    assert found is not None
    assert (found.spare, found.excess) == (8.0, 2.0)
    own_word = margin(Measured(received=-15.0, floor=-20.0), budget)
    assert own_word is not None
    assert own_word.spare == 5.0
    assert margin(Measured(no_light=True), budget) is None


def test_a_module_that_ages_is_told_from_fibre() -> None:
    falls, steady = readings(lambda day: -12 - 0.05 * day), readings(lambda _day: -5.0)
    (fibre,) = dimming(History(received=falls, sent=steady, far_sent=steady), -23)
    assert (fibre.cause, round(fibre.days or 0, -1)) == (Cause.FIBRE, 160)
    (far,) = dimming(History(received=falls, sent=steady, far_sent=falls), -23)
    assert far.cause is Cause.FAR_MODULE
    (either,) = dimming(History(received=falls, sent=steady), -23)
    assert either.cause is Cause.FIBRE_OR_FAR_MODULE
    (own,) = dimming(History(received=steady, sent=falls), -23)
    assert (own.cause, own.days) == (Cause.MODULE, None)
    bias = readings(lambda day: 0.020 + 0.0002 * day, noise=0.0001)
    (aged,) = dimming(History(received=steady, sent=steady, bias=bias), -23)
    assert aged.cause is Cause.MODULE
    assert dimming(History(received=steady, sent=steady, bias=readings(lambda _d: 0.02, noise=0.0001)), -23) == ()


def test_links_that_dim_together_name_the_segment_they_share() -> None:
    plant = model.of_region(load(BATUBARA))
    slopes = {name: -0.05 if "r1-03" in rider.rides else 0.0 for name, rider in plant.riders.items()}
    assert set(dimming_segments(plant, slopes).suspects) == {"r1-03"}
    slopes = dict.fromkeys(plant.riders, 0.0) | {"dinkes/wan": -0.05}
    found = dimming_segments(plant, slopes)
    assert (found.own, found.suspects) == (("dinkes/wan",), {})
    assert AT_ONCE == 2
