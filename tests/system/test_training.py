"""Every exercise on real machines: nothing is reached before it is solved, all of it afterwards, and the end mends."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from ops.system import netns
from ops.training.scenario import Stage, scenario, scenarios
from ops.training.session import Session
from ops.world import at

pytestmark = pytest.mark.system
QUICK = {"fibre-cut", "wrong-firewall"}  # the others by OPS_TRAINING=1: they take backups and place calls
CHOSEN = sorted(scenarios()) if os.environ.get("OPS_TRAINING") else sorted(QUICK)


@pytest.mark.parametrize("name", CHOSEN)
def test_it_can_be_solved_and_only_then_counts(applied: Any, name: str) -> None:
    told = applied.json("train", "start", name, "--seed", "7", "--team", "Tim A")
    try:
        kept = json.loads((applied.state / "twin" / applied.name / "training/session.json").read_text())
        secret = [str(value) for key, value in kept["planted"].items() if key != "server" and len(str(value)) > 5]
        assert not [value for value in secret if value in json.dumps(told)], "the story gives it away"
        assert _points(applied.on_twin("train", "check", "--json", "-q", code=1)) == 0
        _solve(applied, Session(**kept))
        sheet = applied.json("train", "check", "--language", "id")
        assert sheet["points"] == sheet["worth"] == 100
    finally:
        applied.on_twin("train", "stop")
    applied.on_twin("train", "check", code=1)


def _points(said: str) -> int:
    """Of a sheet that something else may follow."""
    return int(json.JSONDecoder().raw_decode(said)[0]["points"])


def _solve(applied: Any, session: Session) -> None:
    """As those would who know: the answers as planted, and the deeds as the exercise itself mends."""
    wanted = scenario(session.scenario)
    right = {**session.planted, "file": session.planted.get("name", "")}
    answers = [f"{goal.key}={right[goal.key]}" for goal in wanted.goals if goal.answer]
    if answers:
        applied.on_twin("train", "answer", *answers)
    world = at(applied.state / "twin" / applied.name)
    with netns.inside(f"{applied.name}.station"):
        wanted.mend(Stage(world, session.planted))
        world.fleet.close()
