"""A week of the calendar with two workers on one database: every tick once, whatever clocks and workers do."""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from past_runs import job

from ops import world as worlds
from ops.runs.calendar import ticks
from ops.runs.foreground import Desk
from ops.runs.model import Scope
from ops.runs.scheduler import Scheduler
from ops.runs.steps import Steps
from ops.system.database import Database

ROOT = Path(__file__).parents[2]
SCHEDULES = """schedules:
  - {name: nightly, job: backup, cron: "30 2 * * *", timezone: Europe/Berlin}
  - {name: hourly, job: backup, cron: "5 * * * *", timezone: America/New_York}
  - {name: six, job: drift, cron: "15 */6 * * *"}
  - {name: each, job: config-backup, cron: "0 2 * * *", each: opd, args: {opd: [dinkes, disdik, rsud]}}
  - {name: weekly, job: drill, cron: "0 4 * * sun"}
"""
# both zones leave summer time within these days
BEGIN = datetime(2026, 10, 23, tzinfo=UTC)
DAYS = 9


class Clock:
    """A database whose clock the test sets."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.at = BEGIN

    @contextmanager
    def read(self) -> Iterator[Any]:
        with self._database.read() as tx:
            yield _Told(tx, self.at)

    @contextmanager
    def write(self, **options: Any) -> Iterator[Any]:
        with self._database.write(**options) as tx:
            yield _Told(tx, self.at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class _Told:
    def __init__(self, tx: Any, at: datetime) -> None:
        self._tx, self._at = tx, at

    def now(self) -> float:
        return self._at.timestamp()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)


class Two:
    """Two workers' schedulers; `lead` says who has the first name, `both` that each believes it has."""

    def __init__(self, database: Database, state: Path) -> None:
        inventory = state / "batubara"
        if not inventory.exists():
            shutil.copytree(ROOT / "inventories/batubara", inventory)
            (inventory / "schedules.yml").write_text(SCHEDULES)
            plan = (inventory / "drc.yml").read_text()
            (inventory / "drc.yml").write_text(re.sub(r"(?m)^copy_to:.*\n  .*\n", "", plan))
        self.clock = Clock(database)
        world = replace(worlds.real(inventory), state=state)
        self.desk = Desk(world, self.clock, Steps(database, state / "artefacts"))  # type: ignore[arg-type]
        self.schedules = world.region.schedules
        self.workers = {name: self.scheduler(name) for name in ("a", "b")}

    def scheduler(self, name: str) -> Scheduler:
        return Scheduler(self.desk, lambda kind: replace(job(kind), takes=("opd",), scope=_no_scope), name)

    def lead(self, first: str) -> None:
        with self.clock.write() as tx:
            tx.do("DELETE FROM executor")
            for name in sorted({first, "b"}):
                tx.do(
                    """INSERT INTO executor (id, host, place, pid, beat, slots, started, seen, knows)
                       VALUES (?, 'm', 'p', 1, 0, 1, 0, 0, '{}')""",
                    name,
                )

    def turn(self, name: str) -> None:
        worker = self.workers[name]
        worker._looked = -100.0
        worker.turn()

    def asked(self) -> Counter[str]:
        with self.clock.read() as tx:
            return Counter(row["tick"] for row in tx.all("SELECT tick FROM run"))


def _no_scope(_world: Any, _args: Any) -> Scope:
    return Scope()


def wanted(two: Two, begin: datetime, end: datetime) -> set[str]:
    """Every tick of every schedule, by name."""
    found = set()
    for schedule in two.schedules:
        suffixes = [f" {opd}" for opd in schedule.args["opd"]] if schedule.each == "opd" else [""]
        for tick in ticks(schedule, begin, end):
            found |= {f"{schedule.name}@{tick.isoformat()}{suffix}" for suffix in suffixes}
    return found


@pytest.mark.parametrize("seed", [1])
def test_every_tick_of_a_week_and_more_comes_once(database: Database, tmp_path: Path, seed: int) -> None:
    """Workers die and come back, both believe it is their turn, the clock is put back: no tick twice, none missing."""
    chance = random.Random(seed)
    two = Two(database, tmp_path)
    two.lead("a")
    two.turn("a")
    end = BEGIN + timedelta(days=DAYS)
    while two.clock.at < end:
        two.clock.at += timedelta(seconds=chance.uniform(600, 3200))
        if chance.random() < 0.1:
            two.clock.at -= timedelta(seconds=chance.uniform(0, 2900))
        first = chance.choice("ab")
        two.lead(first)
        if chance.random() < 0.2:  # started anew: it remembers nothing
            two.workers[first] = two.scheduler(first)
        for name in chance.sample("ab", 2):  # the one with the later name must keep still, or do no harm
            two.turn(name)
    two.turn("a")
    two.turn("b")
    asked, last = two.asked(), min(two.clock.at, end)
    assert max(asked.values()) == 1
    assert wanted(two, BEGIN, last) <= set(asked) <= wanted(two, BEGIN, two.clock.at + timedelta(hours=1))
    assert sum(tick.startswith("nightly") for tick in asked) == DAYS


def test_after_an_outage_the_newest_tick_is_made_up_for_once(database: Database, tmp_path: Path) -> None:
    two = Two(database, tmp_path)
    two.lead("a")
    two.turn("a")
    two.clock.at += timedelta(days=5)
    two.turn("a")
    two.turn("b")
    names = Counter(tick.partition("@")[0] for tick in two.asked())
    assert names == {"nightly": 1, "hourly": 1, "six": 1, "each": 3, "weekly": 1}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_dying_between_asking_and_remembering_doubles_nothing(
    database: Database, tmp_path: Path, data: st.DataObject
) -> None:
    """The mark is lost (kill -9 just before it is written): the next worker asks again, and gets the same runs."""
    two = Two(database, tmp_path)
    with database.write() as tx:
        for table in ("run", "subject", "want", "tick"):
            tx.do(f"DELETE FROM {table}")
    two.lead("a")
    two.turn("a")
    for _ in range(5):
        two.clock.at += timedelta(hours=data.draw(st.integers(1, 9)))
        with database.read() as tx:
            marks = tx.all("SELECT schedule, last FROM tick")
        two.turn("a")
        if data.draw(st.booleans()):
            with database.write() as tx:
                for mark in marks:
                    tx.do("UPDATE tick SET last = ? WHERE schedule = ?", mark["last"], mark["schedule"])
            two.turn("a")
    assert max(two.asked().values(), default=1) == 1
