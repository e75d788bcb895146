"""The two sweeps that most rules stand on, against the slow and plain way."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ops.inventory.model import Site
from ops.inventory.walk import Claim, Span, claimed_twice, overlapping

THING = Site.model_validate({"name": "x", "address": "x", "location": (0, 0)})


def span(first: int, length: int, owner: str) -> Span:
    return Span(first, first + length, THING, "key", owner, f"{first}+{length}")


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12))
def test_overlapping_names_something_exactly_when_two_spans_meet(pairs: list[tuple[int, int]]) -> None:
    spans = [span(first, length, str(at)) for at, (first, length) in enumerate(pairs)]
    meet = [
        {one.owner, other.owner}
        for one, other in itertools.combinations(spans, 2)
        if one.first <= other.last and other.first <= one.last
    ]
    found = list(overlapping(spans, "hint"))
    assert bool(found) == bool(meet)
    assert len(found) <= len(meet)
    for finding in found:
        assert any(
            finding.what == f"{a.text} overlaps {b.text} of {b.owner} (?:0)"
            for a, b in itertools.permutations(spans, 2)
        )


@given(st.lists(st.integers(0, 5), max_size=12))
def test_every_claim_but_the_first_is_named(values: list[int]) -> None:
    found = list(claimed_twice((Claim(value, THING, "key", "owner") for value in values), "hint"))
    assert len(found) == sum(count - 1 for count in Counter(values).values())
