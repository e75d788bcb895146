"""What an exercise is made of. One file of `scenarios/` exports one `SCENARIO`; they are found by folder scan."""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from ops.errors import OpsError, UsageError
from ops.system import netns, process
from ops.system.process import Ask, Done
from ops.world import World

Language = Literal["en", "id"]
Planted = dict[str, Any]  # what was broken, so how it is mended and what answers are right; JSON


@dataclass(frozen=True, slots=True)
class Text:
    """What trainees read. A story belongs together, so both languages stand beside each other here."""

    en: str
    id: str

    def told(self, language: Language) -> str:
        return " ".join((self.id if language == "id" else self.en).split())


@dataclass(frozen=True)
class Stage:
    """Where it plays. `planted`: what the fault left; `answers`: what the trainee has said so far, by goal."""

    world: World
    planted: Planted
    answers: Mapping[str, str] = field(default_factory=dict)

    def on(self, host: str, *argv: str, given: str | None = None, timeout: float = 60.0) -> Done:
        """Run a program on a server, as root."""
        return self.world.fleet.on(host).run(list(argv), Ask(input=given, timeout=timeout))

    def at(self, space: str, *argv: str, timeout: float = 30.0) -> Done:
        """Run a program of this machine in one of the twin's networks, e.g. `dinkes.lan`."""
        with netns.inside(f"{self.world.name}.{space}"):
            return process.run(argv, Ask(timeout=timeout))


@dataclass(frozen=True)
class Goal:
    """`judge` looks at the stage: whether the goal is reached. With `answer` the trainee says something first."""

    key: str
    text: Text
    points: int
    judge: Callable[[Stage], bool]
    answer: bool = False


@dataclass(frozen=True)
class Scenario:
    """`plant` breaks something and tells what; `mend` undoes all of it, also what a trainee left half done."""

    name: str
    title: Text
    story: Text
    needs: tuple[str, ...]  # servers that must run
    goals: tuple[Goal, ...]
    plant: Callable[[World, random.Random], Planted]
    mend: Callable[[Stage], None]
    minutes: int = 30  # that a team may take

    @property
    def points(self) -> int:
        return sum(goal.points for goal in self.goals)


@cache
def scenarios() -> Mapping[str, Scenario]:
    """All exercises by name, in the order of their names."""
    from ops.training import scenarios as folder  # noqa: PLC0415 # each of them imports this file

    modules = (
        importlib.import_module(f"{folder.__name__}.{one.name}") for one in pkgutil.iter_modules(folder.__path__)
    )
    found: dict[str, Scenario] = {module.SCENARIO.name: module.SCENARIO for module in modules}
    return dict(sorted(found.items()))


def scenario(name: str) -> Scenario:
    """UsageError names those there are."""
    try:
        return scenarios()[name]
    except KeyError:
        raise UsageError(f"no exercise is called {name}", f"there are: {', '.join(scenarios())}") from None


def said(stage: Stage, key: str) -> str:
    """What the trainee answered, as it is compared: small letters, no blanks around."""
    return stage.answers.get(key, "").strip().casefold()


def said_right(key: str, planted: str) -> Callable[[Stage], bool]:
    """A judge: the answer is what was planted under that name."""
    return lambda stage: said(stage, key) == str(stage.planted[planted]).casefold()


def said_near(key: str, planted: str, by: float) -> Callable[[Stage], bool]:
    """A judge: the answer is a number at most `by` away from what was planted. Decimal comma or point."""

    def judge(stage: Stage) -> bool:
        try:
            return abs(float(said(stage, key).replace(",", ".")) - float(stage.planted[planted])) <= by
        except ValueError:
            return False

    return judge


def one_of(rng: random.Random, found: Sequence[str], what: str) -> str:
    """Any of them. OpsError when this twin has none."""
    if not found:
        raise OpsError(f"this twin has no {what} for that exercise", "boot the whole regency: ops twin up")
    return rng.choice(sorted(found))
