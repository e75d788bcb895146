"""Who is on call: one at every moment of a duty, and Alertmanager's intervals say the same as we do."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cli.main import main
from ops.derive.alert_routes import configuration
from ops.inventory.load import load
from ops.inventory.model import Alerting
from ops.inventory.on_call import intervals, on_call, shifts
from ops.inventory.roster import Duty, Roster

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
ZONE = ZoneInfo("Asia/Jakarta")
CHANNELS = {"smarthost": "mail.example:25", "mail_from": "ops@example", "telegram_chat": -5, "quiet_from": "21:00"}
REGION = load(BATUBARA).model_copy(update={"alerting": Alerting.model_validate(CHANNELS)})


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


def who(text: str) -> dict[str, str | None]:
    return {one.duty: one.person.name if one.person else None for one in on_call(REGION, at(text))}


def within(interval: dict[str, Any], wall: datetime) -> bool:
    """As Alertmanager's documentation says of one entry: every field that is there must hold."""

    def listed(ranges: list[str], value: int) -> bool:
        ends = [[int(end) for end in one.split(":")] for one in ranges]
        return any(one[0] <= value <= one[-1] for one in ends)

    clock = f"{wall:%H:%M}"
    timed = any(one["start_time"] <= clock < one["end_time"] for one in interval.get("times", [])) or (
        "times" not in interval
    )
    fields = (("days_of_month", wall.day), ("months", wall.month), ("years", wall.year))
    return timed and all(listed(interval[name], value) for name, value in fields)


def test_a_weekly_rotation_hands_over_at_its_hour() -> None:
    assert who("2026-01-05 08:00")["kominfo"] == "jaga-satu"
    assert who("2026-01-12 07:59")["kominfo"] == "jaga-satu"
    assert who("2026-01-12 08:00")["kominfo"] == "jaga-dua"
    assert who("2026-01-26 08:00")["kominfo"] == "jaga-satu"
    assert who("2026-07-01 00:00")["rumah-sakit"] == "simrs-dua"
    assert who("2028-01-03 08:00") == {"kominfo": None, "rumah-sakit": None}


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 30)).map(  # noqa: DTZ001
    lambda one: one.replace(second=0, microsecond=0)
)


@st.composite
def duties(draw: st.DrawFn) -> Duty:
    """A chain of shifts of any length, from minutes to months."""
    begins, turns = draw(moments), []
    for number in range(draw(st.integers(1, 6))):
        ends = begins + timedelta(minutes=draw(st.integers(1, 60 * 24 * 70)))
        turns.append(
            {"from": f"{begins:%Y-%m-%d %H:%M}", "until": f"{ends:%Y-%m-%d %H:%M}", "person": f"p{number % 3}"}
        )
        begins = ends
    return Duty.model_validate({"name": "d", "turns": turns})


@given(duties(), st.integers(-5000, 600_000))
def test_alertmanagers_intervals_say_who_is_on_call(duty: Duty, minutes: int) -> None:
    wall = duty.turns[0].begins + timedelta(minutes=minutes)
    ours = {person for begins, ends, person in duty.shifts if begins <= wall < ends}
    theirs = {
        person
        for person, spans in shifts(duty).items()
        if any(within(one, wall) for one in intervals(spans, "Asia/Jakarta"))
    }
    assert theirs == ours


@given(moments)
def test_of_the_demo_regency_exactly_one_is_told_at_any_minute(wall: datetime) -> None:
    config = configuration(REGION)
    named = {one["name"]: one["time_intervals"] for one in config["time_intervals"]}
    told = [
        name for name, entries in named.items()
        if name.startswith("on-call-kominfo-") and any(within(one, wall) for one in entries)
    ]  # fmt: skip
    expected = who(f"{wall:%Y-%m-%d %H:%M}")["kominfo"]
    assert told == ([f"on-call-kominfo-{expected}"] if expected else [])


def test_routes_tell_those_on_call_beside_the_regencys_own_office() -> None:
    config = configuration(REGION)
    routes = config["route"]["routes"]
    mine = [one for one in routes if one["receiver"] == "on-call-kominfo-jaga-dua"]
    cut, critical, rest = mine
    assert all(one["continue"] and one["active_time_intervals"] == ["on-call-kominfo-jaga-dua"] for one in mine)
    assert cut["matchers"] == ['alertname="FibreSegmentCut"']
    assert (critical["matchers"], rest["mute_time_intervals"]) == (['severity="critical"'], ["quiet"])
    hospital = [one for one in routes if one["receiver"].startswith("on-call-rumah-sakit-")]
    assert [one["matchers"][0] for one in hospital[::2]] == ['opd=~"rsud"', 'from_opd=~"rsud"', 'to_opd=~"rsud"'] * (
        len(hospital) // 6
    )
    assert routes[-1] == {"receiver": "kominfo", "mute_time_intervals": ["quiet"]}
    named = {one["name"] for one in config["time_intervals"]}
    used = {
        name for one in routes for key in ("active_time_intervals", "mute_time_intervals") for name in one.get(key, ())
    }
    assert used == named
    assert {one["receiver"] for one in routes} <= {one["name"] for one in config["receivers"]}
    assert len(json.dumps(config)) < 200_000


def test_who_can_not_be_reached_gets_no_route() -> None:
    silent = REGION.model_copy(update={"alerting": Alerting()})
    assert [one["name"] for one in configuration(silent)["time_intervals"]] == ["quiet"]
    bare = REGION.model_copy(update={"roster": Roster()})
    assert not [one for one in configuration(bare)["receivers"] if one["name"].startswith("on-call")]


@pytest.mark.parametrize(
    ("words", "code"), [(["--at", "2026-12-25T08:00"], 0), (["--at", "2030-01-01T00:00"], 1), (["--at", "x"], 2)]
)
def test_the_verb(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["roster", "-i", str(BATUBARA), "--json", *words]) == code
    if code == 0:
        assert json.loads(capsys.readouterr().out)[0]["person"]["name"] == "jaga-tiga"
