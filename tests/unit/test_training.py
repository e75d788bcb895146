"""Exercises: what each of them is made of, and the way from start to score sheet."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import OpsError, RefusedError, UsageError
from ops.inventory.load import load
from ops.training import scenario as made
from ops.training import session
from ops.training.scenario import Goal, Scenario, Stage, Text, said_near, said_right
from ops.world import World

ROOT = Path(__file__).parents[2]
ASKED = {
    "fibre-cut", "dying-optics", "ransomware", "stolen-key", "toll-fraud", "lost-exchange", "wrong-firewall",
}  # fmt: skip


def test_what_the_workshops_need_is_there() -> None:
    assert set(made.scenarios()) == ASKED


@pytest.mark.parametrize("name", sorted(ASKED))
def test_each_is_whole(name: str) -> None:
    one = made.scenario(name)
    assert one.points == 100
    assert len({goal.key for goal in one.goals}) == len(one.goals)
    texts = [one.title, one.story, *(goal.text for goal in one.goals)]
    assert all(text.en and text.id and text.en != text.id for text in texts)
    servers = {server.name for server in load(ROOT / "inventories/batubara").servers}
    assert set(one.needs) <= servers


@pytest.fixture
def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that counts as a twin, and one exercise whose fault is a file."""
    fault = tmp_path / "fault"

    def plant(_world: World, rng: random.Random) -> dict[str, Any]:
        fault.write_text("broken")
        return {"word": f"w{rng.randint(0, 9)}"}

    goals = (
        Goal("word", Text("say it", "sebut"), 30, said_right("word", "word"), answer=True),
        Goal("mended", Text("mend it", "perbaiki"), 70, lambda _stage: not fault.exists()),
    )
    one = Scenario("demo", Text("Demo", "Peragaan"), Text("a", "b"), (), goals, plant, lambda _s: fault.unlink(True))
    monkeypatch.setattr(made, "scenarios", lambda: {"demo": one})
    key = tmp_path / "key"
    return World("demo", ROOT / "inventories/batubara", tmp_path / "state", key, key, station="demo.station")


def test_from_start_to_score_sheet(twin: World, tmp_path: Path) -> None:
    begun = session.start(twin, "demo", "Tim A", 7, now=100.0)
    assert session.check(twin, "en", now=160.0).points == 0
    session.answer(twin, {"word": " W1 "})
    session.answer(twin, {"word": begun.planted["word"].upper()})
    sheet = session.check(twin, "id", now=160.0)
    assert (sheet.points, sheet.worth, sheet.seconds, sheet.in_time) == (30, 100, 60.0, True)
    assert [goal.text for goal in sheet.goals] == ["sebut", "perbaiki"]
    (tmp_path / "fault").unlink()
    assert session.check(twin, "en", now=100 + 3600.0).points == 100
    assert not session.check(twin, "en", now=100 + 3600.0).in_time
    assert session.stop(twin) == "demo"
    assert session.read(twin) is None
    assert [path.name for path in (twin.state / "training").iterdir()] == ["100.demo.json"]


def test_the_same_seed_is_the_same_fault(twin: World) -> None:
    planted = []
    for _ in range(2):
        planted.append(session.start(twin, "demo", "", 7, now=1.0).planted)
        session.stop(twin)
    assert planted[0] == planted[1]


def test_stopping_mends_what_was_left_broken(twin: World, tmp_path: Path) -> None:
    session.start(twin, "demo", "", 7, now=1.0)
    session.stop(twin)
    assert not (tmp_path / "fault").exists()


def test_one_at_a_time_and_never_outside_a_twin(twin: World) -> None:
    with pytest.raises(RefusedError, match="exercises are for twins"):
        session.start(dataclasses.replace(twin, station=None), "demo", "", 1, now=1.0)
    session.start(twin, "demo", "", 1, now=1.0)
    with pytest.raises(RefusedError, match="demo is under way"):
        session.start(twin, "demo", "", 1, now=2.0)


def test_a_stage_that_cannot_be_set_leaves_nothing_under_way(twin: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_world: World, _rng: random.Random) -> dict[str, Any]:
        raise OpsError("no such thing here")

    broken = dataclasses.replace(made.scenario("demo"), plant=fails)
    monkeypatch.setattr(made, "scenarios", lambda: {"demo": broken})
    with pytest.raises(OpsError, match="no such thing here"):
        session.start(twin, "demo", "", 1, now=1.0)
    assert session.read(twin) is None


def test_what_nobody_asked_is_refused(twin: World) -> None:
    session.start(twin, "demo", "", 1, now=1.0)
    with pytest.raises(UsageError, match="nobody asked for mended"):
        session.answer(twin, {"mended": "yes"})
    with pytest.raises(UsageError, match="no exercise is called other"):
        made.scenario("other")


def test_a_goal_that_cannot_be_looked_at_is_not_reached(twin: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_stage: Stage) -> bool:
        raise OpsError("dc-dns: unreachable")

    goals = (Goal("names", Text("a", "b"), 100, away),)
    away_one = dataclasses.replace(made.scenario("demo"), goals=goals)
    monkeypatch.setattr(made, "scenarios", lambda: {"demo": away_one})
    session.start(twin, "demo", "", 1, now=1.0)
    told: list[str] = []
    sheet = session.check(twin, "en", 2.0, lambda event: told.append(event.text))
    assert sheet.points == 0
    assert told == ["dc-dns: unreachable"]


@given(st.floats(-50, 50), st.floats(-50, 50), st.sampled_from([".", ","]))
def test_a_number_is_near_enough_or_not(true: float, guess: float, point: str) -> None:
    answers = {"db": f" {guess:.3f} ".replace(".", point)}
    stage = Stage(None, {"db": true}, answers)  # type: ignore[arg-type]
    assert said_near("db", "db", 1.5)(stage) == (abs(float(f"{guess:.3f}") - true) <= 1.5)
    assert not said_near("db", "db", 1.5)(Stage(None, {"db": true}, {"db": "many"}))  # type: ignore[arg-type]
