"""Ticks of schedules against a clock that is watched minute by minute; what is fired after outages and clock jumps."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.inventory.load import load
from ops.inventory.model import Schedule
from ops.runs.calendar import GRACE, MOST, Due, due, next_tick, ticks

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
MINUTE = timedelta(minutes=1)
# zones, and the instants in 2026 at which their clocks are put forward or back (Jakarta's never are)
CHANGES = {
    "Asia/Jakarta": ["2026-03-29 01:00"],
    "Europe/Berlin": ["2026-03-29 01:00", "2026-10-25 01:00"],
    "America/New_York": ["2026-03-08 07:00", "2026-11-01 06:00"],
    "America/Havana": ["2026-03-08 05:00", "2026-11-01 05:00"],  # at midnight
    "Australia/Lord_Howe": ["2026-04-04 15:00", "2026-10-03 15:30"],  # by half an hour
}


def schedule(cron: str, zone: str = "Asia/Jakarta", catch_up: str = "one") -> Schedule:
    return Schedule.model_validate({"name": "x", "job": "drift", "cron": cron, "timezone": zone, "catch_up": catch_up})


def wall(zone: str, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


minutes_of = st.one_of(
    st.just("*"),
    st.sampled_from(["*/5", "*/30", "0", "30", "0,15,45", "0-59/20"]),
    st.integers(0, 59).map(str),
)
hours_of = st.one_of(
    st.sampled_from(["*", "*/1", "0-23", "*/2", "*/6", "0", "1", "2", "3", "1-3", "0-12/3", "22,23"]),
    st.integers(0, 23).map(str),
)
crons = st.builds(lambda minute, hour: f"{minute} {hour} * * *", minutes_of, hours_of)
around = st.one_of(st.integers(-3 * 3600, 3 * 3600), st.integers(-2 * 86_400, 2 * 86_400))
starts = st.sampled_from(sorted(CHANGES)).flatmap(
    lambda zone: st.tuples(
        st.builds(schedule, crons, st.just(zone), st.sampled_from(["one", "none"])),
        st.builds(
            lambda change, seconds: datetime.fromisoformat(f"{change}+00:00") + timedelta(seconds=seconds),
            st.sampled_from(CHANGES[zone]),
            around,
        ),
    )
)


def field(text: str, size: int) -> set[int]:
    """What one field of a generated schedule means, read on its own."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.replace("*", f"0-{size - 1}").partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def watched(one: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """The same by looking at a clock on the wall each minute: what it shows now, and how far it ever was."""
    minutes, hours = (field(text, size) for text, size in zip(one.cron.split(), (60, 24), strict=False))
    zone, found = ZoneInfo(one.timezone), []
    at = after.replace(second=0, microsecond=0) - timedelta(hours=26)
    furthest = at.astimezone(zone).replace(tzinfo=None)
    while (at := at + MINUTE) <= until:
        shown = at.astimezone(zone).replace(tzinfo=None)
        new = [furthest + step * MINUTE for step in range(1, int((shown - furthest) / MINUTE) + 1)]
        furthest = max(furthest, shown)
        looked_at = [shown] if len(hours) == 24 else new
        if at > after and any(time.minute in minutes and time.hour in hours for time in looked_at):
            found.append(at)
    return found


@settings(max_examples=150, deadline=None)
@given(starts, st.integers(0, 2 * 86_400))
def test_ticks_are_those_of_a_watched_clock(start: tuple[Schedule, datetime], seconds: int) -> None:
    one, after = start
    until = after + timedelta(seconds=seconds)
    assert ticks(one, after, until) == watched(one, after, until)


@settings(max_examples=150, deadline=None)
@given(starts, st.lists(st.integers(0, 4 * 86_400_000_000), min_size=2, max_size=8))
def test_ticks_of_any_parts_are_those_of_the_whole(start: tuple[Schedule, datetime], cuts: list[int]) -> None:
    one, begin = start
    edges = [begin + timedelta(microseconds=cut) for cut in sorted(cuts)]
    whole = ticks(one, edges[0], edges[-1])
    parts = [tick for after, until in pairwise(edges) for tick in ticks(one, after, until)]
    assert parts == whole
    assert len(set(whole)) == len(whole)
    assert all(edges[0] < tick <= edges[-1] and tick.tzinfo is UTC for tick in whole)
    if whole:
        assert next_tick(one, edges[0]) == whole[0]


@pytest.mark.parametrize(
    ("cron", "day", "shown"),
    [
        # clocks go from 02:00 to 03:00
        ("30 2 * * *", "2026-03-29", ["03:00"]),
        ("*/20 2 * * *", "2026-03-29", ["03:00"]),
        ("0 */2 * * *", "2026-03-29", ["00:00", "03:00", "04:00"]),
        ("0 * * * *", "2026-03-29", ["00:00", "01:00", "03:00", "04:00", "05:00"]),
        # clocks go from 03:00 to 02:00
        ("30 2 * * *", "2026-10-25", ["02:30"]),
        ("*/30 2 * * *", "2026-10-25", ["02:00", "02:30"]),
        ("0 */2 * * *", "2026-10-25", ["00:00", "02:00", "04:00"]),
        ("0 * * * *", "2026-10-25", ["00:00", "01:00", "02:00", "02:00", "03:00", "04:00", "05:00"]),
        ("0 0-23 * * *", "2026-10-25", ["00:00", "01:00", "02:00", "02:00", "03:00", "04:00", "05:00"]),
    ],
)
def test_when_clocks_are_put_forward_and_back(cron: str, day: str, shown: list[str]) -> None:
    zone = "Europe/Berlin"
    found = ticks(schedule(cron, zone), wall(zone, f"{day} 00:00") - MINUTE, wall(zone, f"{day} 05:00"))
    assert [f"{tick.astimezone(ZoneInfo(zone)):%H:%M}" for tick in found] == shown


def test_between_the_two_comings_of_a_time_its_tick_is_over() -> None:
    zone = "Europe/Berlin"
    second, last = wall(zone, "2026-10-25 02:10", fold=1), wall(zone, "2026-10-26 02:44")
    assert ticks(schedule("45 2 * * *", zone), second, last) == []
    assert next_tick(schedule("45 2,3 * * *", zone), second) == wall(zone, "2026-10-25 03:45")


def test_days_and_months_are_read_as_cron_reads_them() -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    year = (first, first + timedelta(days=365))
    assert len(ticks(schedule("0 7 1 * *", "UTC"), *year)) == 12
    assert [tick.day for tick in ticks(schedule("0 7 l feb *", "UTC"), *year)] == [28]
    assert {tick.weekday() for tick in ticks(schedule("0 4 * * sun", "UTC"), *year)} == {6}
    assert next_tick(schedule("0 1 */20 * 1L", "UTC"), first) is None


def test_an_instant_without_a_zone_is_refused() -> None:
    one, bare, good = schedule("0 1 * * *"), datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)  # noqa: DTZ001
    for ask in (lambda: ticks(one, bare, good), lambda: next_tick(one, bare), lambda: due(one, good, bare)):
        with pytest.raises(ValueError, match="no time zone"):
            ask()


# ---- what is fired


def polled(one: Schedule, known: datetime, polls: Iterable[datetime]) -> list[datetime]:
    """What is fired when somebody asks at those instants and remembers the mark."""
    mark, fired = known, []
    for now in polls:
        found = due(one, mark, now)
        assert found.mark >= mark
        assert all(mark < tick <= now for tick in found.ticks)
        fired += found.ticks
        mark = found.mark
    return fired


jumps = st.lists(st.integers(-3 * 86_400, 3 * 86_400), min_size=1, max_size=40)
steps = st.lists(st.integers(1, 1800), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(starts, jumps)
def test_no_tick_is_fired_twice_however_the_clock_jumps(start: tuple[Schedule, datetime], jumped: list[int]) -> None:
    one, known = start
    now, polls = known, []
    for seconds in jumped:
        now += timedelta(seconds=seconds)
        polls.append(now)
    fired = polled(one, known, polls)
    assert fired == sorted(set(fired))
    assert set(fired) <= set(ticks(one, known, max(*polls, known)))


@settings(max_examples=100, deadline=None)
@given(starts, steps, st.integers(0, 7 * 86_400))
def test_after_an_outage_one_is_fired_or_none(start: tuple[Schedule, datetime], walk: list[int], outage: int) -> None:
    one, known = start
    now = known
    for seconds in walk:
        now += timedelta(seconds=seconds)
    mark = due(one, known, now).mark
    back = now + timedelta(seconds=outage)
    missed = ticks(one, mark, back)
    found = due(one, mark, back)
    newest = missed[-1:] if one.catch_up == "one" or (missed and back - missed[-1] <= GRACE) else []
    assert list(found.ticks) == newest
    assert found.skipped == min(len(missed) - len(newest), MOST)
    assert due(one, found.mark, back).ticks == ()


@settings(max_examples=60, deadline=None)
@given(starts, steps)
def test_who_asks_often_enough_misses_nothing(start: tuple[Schedule, datetime], walk: list[int]) -> None:
    one = schedule("15,45 */3 * * *", start[0].timezone, start[0].catch_up)
    known = start[1]
    now, polls = known, []
    for seconds in walk * 3:
        now += timedelta(seconds=min(seconds, GRACE.total_seconds()))
        polls.append(now)
    assert polled(one, known, polls) == ticks(one, known, now)


def test_a_tick_is_due_at_its_very_instant_and_no_earlier() -> None:
    one, night = schedule("0 1 * * *", "UTC"), datetime(2026, 5, 2, 1, tzinfo=UTC)
    start, almost = night - timedelta(hours=2), night - timedelta(microseconds=1)
    assert due(one, start, almost) == Due((), 0, start)
    assert due(one, start, night) == due(one, almost, night) == Due((night,), 0, night)
    assert due(one, start - timedelta(days=2), night) == Due((night,), 2, night)


def test_a_clock_that_was_put_back_fires_nothing_again() -> None:
    one, night = schedule("0 1 * * *", "UTC"), datetime(2026, 5, 2, 1, tzinfo=UTC)
    first = due(one, night - timedelta(hours=2), night + MINUTE)
    assert first.ticks == (night,)
    back = due(one, first.mark, night - timedelta(hours=1))
    assert (back.ticks, back.skipped, back.mark) == ((), 0, night)
    assert due(one, back.mark, night + MINUTE).ticks == ()
    assert due(one, back.mark, night + timedelta(days=1)).ticks == (night + timedelta(days=1),)


@pytest.mark.parametrize("cron", ["* * * * *", "*/5 8-17 * * *", "0 * * * *"])
def test_a_clock_that_was_decades_behind_is_no_long_work(cron: str) -> None:
    one, now = schedule(cron), datetime(2026, 5, 2, 1, 30, tzinfo=UTC)
    found = due(one, datetime(1970, 1, 1, tzinfo=UTC), now)
    assert found.ticks == tuple(ticks(one, now - timedelta(days=1), now)[-1:])
    assert found.skipped == MOST


@pytest.mark.parametrize(("days", "fired"), [(0.01, 1), (2, 1), (40, 1), (365, 1), (367, 0)])
def test_a_rare_tick_is_caught_up_for_a_year(days: float, fired: int) -> None:
    one, tick = schedule("0 7 29 2 *", "UTC"), datetime(2024, 2, 29, 7, tzinfo=UTC)
    start = tick - timedelta(hours=1)
    found = due(one, start, tick + timedelta(days=days))
    assert (found.ticks, found.skipped) == ((tick,) * fired, 0)
    assert found.mark == (tick if fired else start)


# ---- a week of the regency


@pytest.mark.parametrize("seed", range(3))
def test_a_week_of_batubara_with_two_who_ask(seed: int) -> None:
    """Two workers ask at random, share the marks, and sometimes one's clock is some minutes wrong."""
    rng = random.Random(seed)
    begin = wall("Asia/Jakarta", "2026-06-01 00:00")  # a Monday, the first of a month
    declared = load(BATUBARA).schedules
    marks = {one.name: begin for one in declared}
    fired: Counter[str] = Counter()
    twice: Counter[tuple[str, datetime]] = Counter()
    now, off = begin, timedelta(0)
    while now < begin + timedelta(days=7):
        now += timedelta(seconds=rng.randint(20, 280))
        if rng.random() < 0.05:
            off = timedelta(seconds=rng.randint(-200, 200))
        for one in declared:
            found = due(one, marks[one.name], now + (off if rng.random() < 0.5 else timedelta(0)))
            marks[one.name] = found.mark
            fired[one.name] += len(found.ticks)
            twice.update((one.name, tick) for tick in found.ticks)
            assert found.skipped == 0
    assert set(twice.values()) == {1}
    assert abs(fired.pop("status-page") - 7 * 24 * 4) <= 1  # its last time is the week's last moment
    assert fired == {
        "backup-nightly": 7,
        "backup-simrs": 7 * 24,
        "config-backup-nightly": 7,
        "drift": 7 * 4,
        "call-test-daily": 7,
        "drill-weekly": 1,
        "report-monthly": 1,
        "rot-scan-nightly": 7,
        "prune-plan-weekly": 1,
        "drill-of-the-drill": 1,
        "call-records-nightly": 7,
        "voip-check-nightly": 7,
        "second-copy-nightly": 7,
        "drill-services-monthly": 1,
        "drill-failover-half-yearly": 0,
        "drill-second-copy-monthly": 0,
    }
