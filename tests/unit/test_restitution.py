"""What an upstream owes: bands without gaps, more downtime never gives less, what is excluded never counts."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.inventory.load import load
from ops.inventory.restitution import Terms
from ops.inventory.rules.restitution_bands import check
from ops.reports.period import Period, month_of
from ops.reports.restitution import band_of, claim, excluded
from ops.reports.spans import Span, common, minus, total, union

ZONE = "Asia/Jakarta"
MONTH: Period = month_of("2026-10", ZONE, datetime(2026, 11, 2, tzinfo=ZoneInfo(ZONE)).timestamp())
LENGTH = int(MONTH.end - MONTH.begin)
REGION = load(Path(__file__).parents[2] / "inventories/batubara")

moments = st.integers(-7200, LENGTH + 7200).map(lambda second: MONTH.begin + second)
spans = st.lists(st.tuples(moments, moments).map(lambda two: (min(two), max(two))), max_size=6)


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    """Terms that the rule accepts."""
    edges = sorted(draw(st.sets(st.integers(1, 9949), max_size=4)))
    points = [0.0, *(edge / 100 for edge in edges), 99.5]
    shares = sorted(
        draw(st.lists(st.integers(0, 100), min_size=len(points) - 1, max_size=len(points) - 1)), reverse=True
    )
    bands = [
        {"from": low, "to": high, "percent": share}
        for low, high, share in zip(points[:-1], points[1:], shares, strict=True)
    ]
    windows = draw(st.sampled_from([(), ("sun 01:00-05:00",), ("mon-fri 23:00-02:00", "sat 00:00-24:00")]))
    gone = draw(st.sampled_from([(), ({"from": "2026-10-05 03:00", "until": "2026-10-06", "reason": "x"},)]))
    fee = draw(st.integers(0, 10**10))
    return Terms.model_validate({"fee": fee, "bands": bands, "windows": windows, "excluded": gone})


@given(all_terms(), spans, spans)
def test_more_downtime_never_gives_less(terms: Terms, down: list[Span], more: list[Span]) -> None:
    before, after = claim(terms, MONTH, down), claim(terms, MONTH, [*down, *more])
    assert after.down >= before.down
    assert after.availability <= before.availability
    assert after.rupiah >= before.rupiah


@given(all_terms(), spans, spans)
def test_what_is_excluded_never_counts(terms: Terms, down: list[Span], more: list[Span]) -> None:
    without = common(more, excluded(terms, MONTH))
    assert claim(terms, MONTH, [*down, *without]) == claim(terms, MONTH, down)
    assert claim(terms, MONTH, down).down <= claim(terms, MONTH, [(MONTH.begin, MONTH.end)]).counted


@given(all_terms(), st.fractions(0, 100))
def test_every_availability_lies_in_exactly_one_band_or_keeps_the_promise(terms: Terms, availability: Fraction) -> None:
    upstream = REGION.upstreams[0].model_copy(update={"terms": terms, "availability": 99.5})
    assert list(check(REGION.model_copy(update={"upstreams": (upstream,)}))) == []
    holding = [one for one in terms.bands if Fraction(str(one.since)) <= availability < Fraction(str(one.to))]
    assert len(holding) == (1 if availability < Fraction("99.5") else 0)
    assert band_of(terms.bands, availability) == (holding[0] if holding else None)


@given(spans, spans)
def test_stretches_add_up(one: list[Span], other: list[Span]) -> None:
    assert total(minus(one, other)) + total(common(one, other)) == pytest.approx(total(union(one)))
    assert common(one, other) == common(other, one)


def test_the_very_edge_of_a_band_falls_where_the_contract_has_it() -> None:
    bands = [{"from": 0, "to": 99, "percent": 50}, {"from": 99, "to": 99.5, "percent": 5}]
    terms = Terms.model_validate({"fee": 1_000_001, "bands": bands})
    hundredth = LENGTH / 100  # 99 % exactly
    edge = claim(terms, MONTH, [(MONTH.begin, MONTH.begin + hundredth)])
    below = claim(terms, MONTH, [(MONTH.begin, MONTH.begin + hundredth + 0.001)])
    assert (edge.percent, edge.rupiah) == (5.0, 50_000)
    assert (below.percent, below.rupiah) == (50.0, 500_001)  # half a rupiah is rounded up
    kept = claim(terms, MONTH, [(MONTH.begin, MONTH.begin + LENGTH / 200)])
    assert (kept.percent, kept.rupiah) == (0.0, 0)


def test_a_month_that_is_excluded_as_a_whole_owes_nothing() -> None:
    terms = Terms.model_validate(
        {"fee": 5, "bands": [{"from": 0, "to": 99.5, "percent": 100}], "windows": ["mon-sun 00:00-24:00"]}
    )
    assert claim(terms, MONTH, [(MONTH.begin, MONTH.end)]).rupiah == 0
