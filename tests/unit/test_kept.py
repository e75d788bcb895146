"""An answer that came after its cycle is told while it is new, and never twice to the same Prometheus."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporters.kept import OLD_SECONDS, SAME_SECONDS, Kept
from exporters.sheet import Filled

ANSWER = Filled("opd_poll_up", ("{}",), ("1",))


def test_an_answer_is_told_once_and_to_those_who_ask_at_nearly_the_same_time() -> None:
    kept = Kept()
    kept.keep(ANSWER, 100.0)
    assert [kept.tell(now) for now in (110.0, 112.0, 110.0 + SAME_SECONDS, 125.0)] == [ANSWER, ANSWER, None, None]


def test_an_old_answer_is_not_told() -> None:
    kept = Kept()
    kept.keep(ANSWER, 100.0)
    assert kept.tell(101.0 + OLD_SECONDS) is None


@given(st.lists(st.floats(0.0, 500.0), max_size=30), st.floats(SAME_SECONDS + 0.01, 100.0), st.floats(0.0, 60.0))
def test_whoever_scrapes_at_an_interval_gets_no_answer_twice(came: list[float], every: float, first: float) -> None:
    kept, answers, told = Kept(), sorted(came), list[Filled]()
    for turn in range(20):
        now = first + turn * every
        while answers and answers[0] <= now:
            at = answers.pop(0)
            kept.keep(Filled("x", (), (str(at),)), at)
        if answer := kept.tell(now):
            told.append(answer)
    assert len(told) == len({id(one) for one in told})
