"""Light on command lines: every platform's answers as numbers, and when a device is left alone."""

from __future__ import annotations

import pytest
from cli_rig import PROMPTS, cases, dialogue
from hypothesis import given
from hypothesis import strategies as st

from exporters.breaker import Breaker, Patience
from exporters.cli_optics import same_port
from ops.catalogue.cli.answer import Row, rows
from ops.catalogue.cli.platform import names, platform
from ops.errors import OpsError

EVERY = [(name, number) for name in names() for number in range(len(cases(name)))]


def plain(row: Row) -> dict[str, object]:
    place = {key: said for key in ("port", "onu", "lane") if (said := getattr(row, key))}
    return place | {name: round(value, 6) for name, value in row.values.items()}


def test_every_platform_has_answers() -> None:
    assert set(names()) == set(PROMPTS)
    for name in names():
        asked = [dialogue(name, case).question for case in cases(name)]
        assert all(question in asked for question in platform(name).questions), name


@pytest.mark.parametrize(("name", "number"), EVERY)
def test_an_answer_means_these_figures(name: str, number: int) -> None:
    case = cases(name)[number]
    assert [plain(row) for row in rows(platform(name), dialogue(name, case), case["answer"])] == case["rows"]


LINES = sorted({line for name in names() for case in cases(name) for line in case["answer"].splitlines()})
PIECES = st.one_of(st.sampled_from(LINES), st.text(max_size=60), st.sampled_from(["--More--", "\x1b[24D", "\t", "% "]))


@pytest.mark.parametrize("name", names())
@given(lines=st.lists(PIECES, max_size=12))
def test_no_answer_is_too_odd(name: str, lines: list[str]) -> None:
    """Rows of numbers within reason, or a ValueError that says that the form is another one; never anything else."""
    for case in cases(name):
        try:
            found = rows(platform(name), dialogue(name, case), "\n".join(lines))
        except ValueError:
            continue
        for row in found:
            assert row.port
            assert row.values
            assert row.values.get("receive_power_dbm", 0) > platform(name).dark


def test_an_unknown_platform_is_named() -> None:
    with pytest.raises(OpsError, match="no command-line platform nosuch"):
        platform("nosuch")


@pytest.mark.parametrize(
    ("said", "declared", "same"),
    [
        ("Gi1/0/25", "GigabitEthernet1/0/25", True),
        ("gpon-olt_1/2/3", "gpon_1/2/3", True),
        ("sfp1", "SFP1", True),
        ("Gi1/0/2", "GigabitEthernet1/0/25", False),
        ("Te1/0/25", "GigabitEthernet1/0/25", False),
        ("0/1", "GigabitEthernet0/1", False),
        ("", "sfp1", False),
    ],
)
def test_a_port_is_known_by_its_short_name_too(said: str, declared: str, same: bool) -> None:
    assert same_port(said, declared) is same


@given(steps=st.lists(st.tuples(st.booleans(), st.floats(0, 3000)), max_size=60))
def test_a_breaker_opens_after_so_many_failures_in_a_row_and_never_for_longer_than_allowed(
    steps: list[tuple[bool, float]],
) -> None:
    patience = Patience(failures=3, pause=100, longest=400)
    breaker, now, failed, last = Breaker(patience), 0.0, 0, 0.0
    for well, passes in steps:
        now += passes
        may = breaker.may_try(now)
        if failed < patience.failures or now - last >= patience.longest:
            assert may
        if failed >= patience.failures and now - last < patience.pause:
            assert not may
        if may:
            assert not breaker.may_try(now)  # one try at a time
            if well:
                breaker.went_well()
                failed = 0
            else:
                breaker.failed(now)
                failed, last = failed + 1, now
