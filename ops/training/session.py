"""One exercise under way: begun, answered, judged, ended. Kept in `<state>/training/`, one at a time per twin."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ops.errors import OpsError, RefusedError, UsageError
from ops.progress import Event, Progress, State, silent
from ops.training.scenario import Language, Planted, Scenario, Stage, scenario
from ops.world import World


@dataclass(frozen=True)
class Session:
    """`planted` is empty until the fault is there; times in epoch seconds."""

    scenario: str
    team: str
    seed: int
    started: float
    planted: Planted = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reached:
    key: str
    text: str
    points: int
    worth: int
    reached: bool


@dataclass(frozen=True)
class Sheet:
    """The score sheet. `seconds`: since the fault was there."""

    scenario: str
    title: str
    team: str
    seconds: float
    in_time: bool
    goals: tuple[Reached, ...]

    @property
    def points(self) -> int:
        return sum(goal.points for goal in self.goals)

    @property
    def worth(self) -> int:
        return sum(goal.worth for goal in self.goals)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "points": self.points, "worth": self.worth}


def start(world: World, name: str, team: str, seed: int, now: float, progress: Progress = silent) -> Session:
    """Break what the exercise is about. RefusedError outside a twin and while another exercise is under way."""
    wanted = scenario(name)
    if not world.rehearsal:
        raise RefusedError("exercises are for twins: they break things", "name one: --twin NAME")
    world.need_servers()
    if (running := read(world)) is not None:
        raise RefusedError(f"{running.scenario} is under way", "end it first: ops train stop")
    for host in wanted.needs:
        if not Stage(world, {}).on(host, "true").ok:
            raise OpsError(f"{name} needs {host}, which does not answer", "ops twin up && ops provision --twin NAME")
    begun = Session(name, team, seed, now)
    _write(world, begun)  # a kill from here on leaves something to mend
    progress(Event(name, "", State.RUNNING, "setting the stage"))
    try:
        planted = wanted.plant(world, random.Random(seed))  # noqa: S311 # who repeats an exercise wants the same one
    except BaseException:
        _path(world).unlink()
        raise
    begun = replace(begun, planted=planted)
    _write(world, begun)
    return begun


def answer(world: World, given: Mapping[str, str]) -> Session:
    """Keep what the trainees say; said again it is replaced. UsageError for what nobody asked."""
    session = current(world)
    asked = [goal.key for goal in scenario(session.scenario).goals if goal.answer]
    if strange := sorted(set(given) - set(asked)):
        raise UsageError(f"nobody asked for {', '.join(strange)}", f"asked: {', '.join(asked) or 'nothing'}")
    session = replace(session, answers={**session.answers, **given})
    _write(world, session)
    return session


def check(world: World, language: Language, now: float, progress: Progress = silent) -> Sheet:
    """Judge every goal by looking. What cannot be looked at is not reached, and why is told."""
    session = current(world)
    wanted, stage = scenario(session.scenario), Stage(world, session.planted, session.answers)
    reached = []
    for goal in wanted.goals:
        done = _judge(goal.key, lambda goal=goal: goal.judge(stage), progress)
        reached.append(
            Reached(goal.key, goal.text.told(language), goal.points if done else 0, goal.points, reached=done)
        )
    spent = now - session.started
    title = wanted.title.told(language)
    sheet = Sheet(wanted.name, title, session.team, spent, spent <= wanted.minutes * 60, tuple(reached))
    _keep(world, session, sheet)
    return sheet


def _judge(key: str, look: Any, progress: Progress) -> bool:
    try:
        done = bool(look())
    except OpsError as error:
        progress(Event("check", key, State.FAILED, error.what))
        return False
    progress(Event("check", key, State.OK if done else State.FAILED))
    return done


def stop(world: World) -> str:
    """Mend what the exercise broke; its name. What was answered and reached stays in the sheets."""
    session = current(world)
    if session.planted:
        scenario(session.scenario).mend(Stage(world, session.planted, session.answers))
    _path(world).unlink()
    return session.scenario


def current(world: World) -> Session:
    """OpsError when none is under way."""
    if (session := read(world)) is None:
        raise OpsError("no exercise is under way", "ops train list, then ops train start NAME")
    return session


def read(world: World) -> Session | None:
    try:
        return Session(**json.loads(_path(world).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def story_of(session: Session) -> Scenario:
    return scenario(session.scenario)


def _path(world: World) -> Path:
    return world.state / "training" / "session.json"


def _write(world: World, session: Session) -> None:
    path = _path(world)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(session), indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


def _keep(world: World, session: Session, sheet: Sheet) -> None:
    """The last sheet of every exercise that was held, for the workshop's records."""
    path = _path(world).with_name(f"{session.started:.0f}.{session.scenario}.json")
    path.write_text(json.dumps(sheet.as_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
