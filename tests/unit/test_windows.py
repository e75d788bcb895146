"""Maintenance windows and freezes: how they are written, and what they hold back until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ops.errors import InventoryInvalidError
from ops.inventory.load import assemble
from ops.inventory.model import Freeze, Region
from ops.inventory.moments import DAYS, Arguments, Cron, Moment, WeeklyWindow, Window
from ops.runs.windows import AHEAD, may_change

SMALL = Path(__file__).parents[1] / "contract/rules/base"
FILES = {str(path.relative_to(SMALL)): path.read_text(encoding="utf-8") for path in sorted(SMALL.rglob("*.yml"))}
BASE = assemble(FILES)
ALPHA, BETA = BASE.opds
MONDAY = datetime(2026, 6, 1, tzinfo=ZoneInfo("Asia/Jakarta"))


def window(text: str) -> Window:
    return TypeAdapter(WeeklyWindow).validate_python(text)


def freeze(begins: str, ends: str, *opds: str) -> Freeze:
    return Freeze.model_validate({"from": begins, "until": ends, "opds": list(opds), "reason": "Ujian"})


def region(
    alpha: tuple[str, ...] = (), beta: tuple[str, ...] = (), freezes: tuple[Freeze, ...] = (), zone: str = ""
) -> Region:
    """The small region with those windows and freezes instead of its own."""
    offices = ((ALPHA, alpha), (BETA, beta))
    return BASE.model_copy(
        update={
            "timezone": zone or BASE.timezone,
            "policies": BASE.policies.model_copy(update={"freezes": freezes}),
            "opds": tuple(opd.model_copy(update={"maintenance": tuple(map(window, texts))}) for opd, texts in offices),
        }
    )


def opens(asked: Region, at: datetime, *opds: str) -> str:
    """When a change to them is let through, by the region's clock; "now" when at once."""
    verdict = may_change(asked, opds, at)
    assert verdict.ok == (not verdict.why)
    if verdict.ok:
        assert verdict.opens is None
        return "now"
    if verdict.opens is None:
        return "never"
    assert verdict.opens.tzinfo is UTC
    return f"{verdict.opens.astimezone(ZoneInfo(asked.timezone)):%a %d %H:%M}".lower()


# ---- as written


@pytest.mark.parametrize(
    ("text", "days", "begins", "ends"),
    [
        ("mon-fri 18:00-22:00", {0, 1, 2, 3, 4}, 1080, 1320),
        ("sat 20:00-24:00", {5}, 1200, 1440),
        ("sat 20:00-00:00", {5}, 1200, 1440),
        ("sun 22:00-02:00", {6}, 1320, 1560),
        ("fri-mon 00:00-24:00", {4, 5, 6, 0}, 0, 1440),
        ("mon,wed-thu,sun 06:30-07:00", {0, 2, 3, 6}, 390, 420),
        ("tue-tue 06:30-06:29", {1}, 390, 1829),
    ],
)
def test_windows(text: str, days: set[int], begins: int, ends: int) -> None:
    read = window(text)
    assert (read.days, read.begins, read.ends, str(read)) == (days, begins, ends, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (WeeklyWindow, "18:00-22:00"),
        (WeeklyWindow, "mon 18-22"),
        (WeeklyWindow, "Mon 18:00-22:00"),
        (WeeklyWindow, "senin 18:00-22:00"),
        (WeeklyWindow, "mon 18:00-25:00"),
        (WeeklyWindow, "mon 24:00-02:00"),
        (WeeklyWindow, "mon 18:00-18:00"),
        (WeeklyWindow, "mon, tue 18:00-22:00"),
        (WeeklyWindow, "mon 18:00-22:00\n"),
        (Moment, "2026-02-30"),
        (Moment, "20261221"),
        (Moment, "2026-12-21 24:00"),
        (Moment, "2026-12-21 18:00:00"),
        (Moment, "2026-12-21T18:00+07:00"),
        (Cron, "0 1 * *"),
        (Cron, "0 0 1 * * *"),
        (Cron, "@daily"),
        (Arguments, {"opd": {"a": "b"}}),
        (Arguments, {"opd": ["a", ["b"]]}),
        (Arguments, ["opd"]),
    ],
)
def test_refused(kind: Any, text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)


def test_a_freeze_to_a_date_includes_that_day() -> None:
    assert freeze("2026-12-21", "2027-01-03").ends == datetime(2027, 1, 4)  # noqa: DTZ001
    assert freeze("2026-12-21 18:00", "2027-01-03T06:00").begins == datetime(2026, 12, 21, 18)  # noqa: DTZ001
    assert freeze("2026-12-21", "2027-01-03 06:00").ends == datetime(2027, 1, 3, 6)  # noqa: DTZ001


def test_fields_of_a_schedule_are_kept_with_single_blanks() -> None:
    assert TypeAdapter(Cron).validate_python(" 0  1 * * *") == "0 1 * * *"


def test_schedules_are_optional_and_take_the_regions_time_zone() -> None:
    assert assemble({name: text for name, text in FILES.items() if name != "schedules.yml"}).schedules == ()
    checks, drills, nightly = BASE.schedules
    assert [one.name for one in BASE.schedules] == ["checks", "drills", "nightly"]
    assert (checks.timezone, nightly.timezone) == ("Asia/Makassar", "Asia/Jakarta")
    assert checks.args == {"opd": ("alpha", "beta")}
    assert drills.args == {"set": "aplikasi"}
    assert (nightly.catch_up, nightly.each, nightly.at) == ("one", "none", "schedules.yml:2:5")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("schedules.yml", "job: drift", "job: drifts", "schedules.yml:6:10 schedules[checks].job: 'drifts' is none of"),
        ("schedules.yml", "[alpha, beta]", "{a: b}", "schedules.yml:11:12 schedules[checks].args.opd: one line of"),
        (
            "schedules.yml",
            '"0 1 * * *"',
            "0 1 * *",
            "schedules.yml:4:11 schedules[nightly].cron: '0 1 * *' is not five",
        ),
        ("schedules.yml", "catch_up", "catchup", "schedules.yml:9:5 schedules[checks].catchup: unknown key"),
        ("region.yml", "from: 2025-12-22", "form: 2025-12-22", "region.yml:48:7 policies.freezes[0].form: unknown key"),
        ("region.yml", "from: 2025-12-22", "since: 2025-12-22", "region.yml:48:7 policies.freezes[0].from: missing"),
        ("region.yml", "policies:", "policies:\n  second_person: [gates]", "policies.second_person[gates]: 'gates'"),
        ("region.yml", "policies:", "policies:\n  history_days: 7", "policies.history_days: '7' must be greater"),
        ("opd/beta.yml", "mon-fri 18:00", "mon-fri 18.00", "opd/beta.yml:51:5 maintenance[0]: 'mon-fri 18.00-22:00'"),
    ],
)
def test_mistakes_are_named_with_their_place(name: str, old: str, new: str, said: str) -> None:
    assert old in FILES[name]
    with pytest.raises(InventoryInvalidError) as refused:
        assemble(FILES | {name: FILES[name].replace(old, new, 1)})
    assert any(said in str(problem) for problem in refused.value.problems), [str(one) for one in refused.value.problems]


def test_a_misspelt_from_gets_its_hint() -> None:
    with pytest.raises(InventoryInvalidError) as refused:
        assemble(FILES | {"region.yml": FILES["region.yml"].replace("from: 2025-12-22", "form: 2025-12-22")})
    assert "did you mean from?" in [problem.hint for problem in refused.value.problems]


# ---- what they hold back


def test_windows_of_a_week() -> None:
    asked = region(alpha=("mon-fri 18:00-22:00", "sat 20:00-24:00", "sun 22:00-02:00"))
    hours = {
        0: "now",  # Sunday's window has passed midnight
        2: "mon 01 18:00",
        18: "now",
        21.99: "now",
        22: "tue 02 18:00",
        4 * 24 + 22: "sat 06 20:00",
        5 * 24 + 23: "now",
        6 * 24: "sun 07 22:00",
        6 * 24 + 23: "now",
    }
    found = {hour: opens(asked, MONDAY + timedelta(hours=hour), "alpha") for hour in hours}
    assert found == hours


def test_several_offices_wait_for_a_common_window() -> None:
    asked = region(alpha=("mon-fri 18:00-22:00",), beta=("wed 20:00-23:00", "sat 08:00-12:00"))
    assert opens(asked, MONDAY, "alpha", "beta") == "wed 03 20:00"
    assert opens(asked, MONDAY + timedelta(days=2, hours=21), "alpha", "beta") == "now"
    assert opens(asked, MONDAY + timedelta(days=2, hours=22), "alpha", "beta") == "wed 10 20:00"
    said = may_change(asked, ["alpha", "beta"], MONDAY).why
    assert said == (
        "outside the maintenance window of alpha (mon-fri 18:00-22:00) and of 1 more, by the clock of Asia/Jakarta"
    )


def test_windows_that_never_meet() -> None:
    asked = region(alpha=("mon 08:00-10:00",), beta=("mon 10:00-12:00",))
    assert opens(asked, MONDAY, "alpha", "beta") == "never"
    assert opens(asked, MONDAY + timedelta(hours=9), "alpha", "beta") == "never"


def test_no_windows_is_always_open() -> None:
    asked = region(beta=("mon 08:00-10:00",))
    for opds in ((), ("alpha",), ("gone",), ("gone", "alpha")):
        assert opens(asked, MONDAY, *opds) == "now"
    assert opens(asked, MONDAY, "alpha", "beta", "gone") == "mon 01 08:00"


def test_freezes_come_before_windows() -> None:
    asked = region(alpha=("mon-fri 18:00-22:00",), freezes=(freeze("2026-06-01", "2026-06-05"),))
    assert opens(asked, MONDAY + timedelta(hours=19), "alpha") == "mon 08 18:00"
    assert opens(asked, MONDAY, "beta") == opens(asked, MONDAY) == "sat 06 00:00"
    assert opens(asked, MONDAY - timedelta(seconds=1), "beta") == "now"
    assert may_change(asked, ["alpha"], MONDAY).why.startswith("frozen from 2026-06-01 until 2026-06-05: Ujian (")


def test_a_freeze_longer_than_a_week_and_one_in_the_next_window() -> None:
    freezes = (freeze("2026-06-01", "2026-06-20"), freeze("2026-06-22 17:00", "2026-06-22 20:00"))
    asked = region(alpha=("mon 18:00-19:00", "tue 18:00-19:00"), freezes=freezes)
    assert opens(asked, MONDAY, "alpha") == "tue 23 18:00"


def test_a_freeze_of_one_office_stops_no_other() -> None:
    asked = region(freezes=(freeze("2026-06-01", "2026-06-05", "alpha"),))
    assert opens(asked, MONDAY, "beta") == opens(asked, MONDAY) == "now"
    assert opens(asked, MONDAY, "beta", "alpha") == "sat 06 00:00"


@pytest.mark.parametrize(
    ("window", "at", "fold", "found"),
    [
        # clocks go from 02:00 to 03:00
        ("sun 02:30-04:00", "2026-03-29 01:00", 0, "sun 29 03:00"),
        ("sun 02:00-03:00", "2026-03-29 01:00", 0, "sun 05 02:00"),
        # clocks go from 03:00 to 02:00
        ("sun 02:00-03:00", "2026-10-25 02:30", 0, "now"),
        ("sun 02:00-03:00", "2026-10-25 02:30", 1, "now"),
        ("sun 02:10-02:20", "2026-10-25 02:15", 0, "now"),
        ("sun 02:10-02:20", "2026-10-25 02:15", 1, "sun 01 02:10"),
    ],
)
def test_when_clocks_are_put_forward_and_back(window: str, at: str, fold: int, found: str) -> None:
    zone = "Europe/Berlin"
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone), fold=fold)
    assert opens(region(alpha=(window,), zone=zone), moment, "alpha") == found


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        may_change(BASE, [], datetime(2026, 6, 1))  # noqa: DTZ001


# ---- against a clock that is watched, in steps of half an hour

STEP = timedelta(minutes=30)
clocks = st.integers(0, 47).map(lambda half: f"{half // 2:02d}:{half % 2 * 30:02d}")
texts = st.builds(
    lambda days, begins, ends: f"{days} {begins}-{ends if ends != begins else '24:00'}",
    st.one_of(st.sampled_from(DAYS), st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map("-".join)),
    clocks,
    clocks,
)
some = st.lists(texts, max_size=3).map(tuple)
freezes = st.lists(
    st.builds(
        lambda begins, hours, opds: freeze(
            f"{(start := MONDAY + begins * STEP):%Y-%m-%d %H:%M}", f"{start + hours * STEP:%Y-%m-%d %H:%M}", *opds
        ),
        st.integers(0, 500),
        st.integers(1, 600),
        st.sampled_from([(), ("alpha",), ("beta",)]),
    ),
    max_size=3,
).map(tuple)


def is_open(asked: Region, opds: list[str], shown: datetime) -> bool:
    """What a person with the files and a watch would say. Jakarta's clocks are never put forward or back."""
    for one in asked.policies.freezes:
        if (not one.opds or set(one.opds) & set(opds)) and one.begins <= shown < one.ends:
            return False
    since_monday = shown.weekday() * 1440 + shown.hour * 60 + shown.minute
    return all(
        any(
            start <= since_monday + week < start + one.ends - one.begins
            for one in opd.maintenance
            for day in one.days
            for start in [day * 1440 + one.begins]
            for week in (0, 7 * 1440)
        )
        for opd in asked.opds
        if opd.code in opds and opd.maintenance
    )


@settings(max_examples=150, deadline=None)
@given(some, some, freezes, st.integers(0, 700), st.sampled_from([["alpha"], ["alpha", "beta"], []]))
def test_a_watched_clock_agrees(
    alpha: tuple[str, ...], beta: tuple[str, ...], frozen: tuple[Freeze, ...], start: int, opds: list[str]
) -> None:
    asked, at = region(alpha, beta, frozen), MONDAY + start * STEP
    verdict = may_change(asked, opds, at)
    assert verdict.ok == is_open(asked, opds, at.replace(tzinfo=None))
    if verdict.ok:
        return
    last = max([at.replace(tzinfo=None), *(one.ends for one in frozen)]) + AHEAD
    steps = range(int((last - at.replace(tzinfo=None)) / STEP) + 1)
    first = next((at + n * STEP for n in steps if is_open(asked, opds, at.replace(tzinfo=None) + n * STEP)), None)
    assert verdict.opens == first
