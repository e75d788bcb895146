"""Prove a service: restore its sets, start the real thing from them, ask it what only it can answer, clean up.

Every step is a checkpoint, those of its sets included: a drill that is killed goes on at the first step that had not
ended. Isolated here; with a `Standby` it is a failover drill (`backup/failover.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from backup import drill, standby
from backup.checks.contract import Point
from backup.hostside import pg, pg_prove, probing, programs, service_prove
from backup.places import Places
from backup.service import ServiceDrill, ServiceItem
from backup.stages import Story
from backup.steps import Book, Name
from ops.errors import OpsError, RefusedError
from ops.progress import Event, Progress, State
from ops.runs.model import Keep
from ops.system import hostpython
from ops.system.process import Exec
from ops.system.signals import uninterrupted

EXTRA_SECONDS = 180.0
_PROVE = (programs, pg, pg_prove, probing, service_prove)


@dataclass(frozen=True)
class Names:
    """What the drill and those of its sets are called."""

    own: Name
    sets: Mapping[str, Name]

    @classmethod
    def fresh(cls, spots: Places, item: ServiceItem) -> Names:
        return cls(Name.fresh(spots, item), {one.key: Name.fresh(spots, one) for one in item.sets})

    def told(self) -> dict[str, Any]:
        return {"own": asdict(self.own), "sets": {key: asdict(name) for key, name in self.sets.items()}}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Names:
        return cls(Name(**told["own"]), {key: Name(**name) for key, name in told["sets"].items()})

    @property
    def ids(self) -> set[str]:
        return {self.own.id, *(name.id for name in self.sets.values())}


@dataclass
class Case:
    """What the steps of one drill share. `where`: the drill server."""

    spots: Places
    drill: ServiceDrill
    book: Book
    names: Names
    where: Exec
    name: str  # host name that the service is asked by
    progress: Progress
    keep: Keep
    stories: list[Story] = field(default_factory=list)

    @property
    def folder(self) -> str:
        return self.names.own.folder

    @property
    def web_root(self) -> str:
        return f"{self.names.sets[self.drill.item.sets[0].key].folder}/data"

    @property
    def database(self) -> dict[str, str]:
        """The restored cluster as the set's own drill has left it; {} for a service without one."""
        if self.drill.item.service.database is None:
            return {}
        folder = self.names.sets[self.drill.item.sets[-1].key].folder
        about = {"user": "drill", "name": "proven", "run_as": self.spots.run_as, "timezone": self.spots.timezone}
        return {"data": f"{folder}/pg", **about}

    def tell(self, text: str) -> None:
        self.progress(Event("drill", self.drill.item.key, State.RUNNING, text))


Ask = Callable[[Case], None]


def run(case: Case, prepare: Ask, ask: Ask, clean: Ask) -> ServiceDrill:
    """Never raises for a drill that does not prove. `prepare` goes before the restore, `ask` after it, `clean` ends."""
    seen = case.drill
    try:
        prepare(case)
        if _restored(case):
            ask(case)
    except RefusedError:
        _abandon(case, clean)
        raise
    except OpsError as error:
        seen.failure, seen.error = f"{case.book.at}: {error.what}", error
    except BaseException:
        with uninterrupted():
            _abandon(case, clean)
        raise
    with uninterrupted():
        _close(case, clean)
    return seen


def opened(spots: Places, item: ServiceItem, names: Names, keep: Keep, **about: Any) -> tuple[ServiceDrill, Book]:
    """A drill that is declared, or goes on. `about`: for the journal."""
    declared = float(keep(f"drill {item.key}: declare", lambda: {"at": time.time()})["at"])
    book = Book(spots, item, names.own, keep, **about)
    return ServiceDrill(names.own.id, item, declared, book.steps, resumed=book.journal.resumed), book


def within(item: ServiceItem, keep: Keep) -> Keep:
    """For steps of its sets: two services of one run may be restored from the same set, each for itself."""

    def kept(name: str, work: Callable[[], dict[str, Any]], /) -> dict[str, Any]:
        return keep(f"{item.key}, {name}", work)

    return kept


def isolated(case: Case) -> None:
    """Start it without any network and ask, until it answers as declared or its time is over."""
    seen, service = case.drill, case.drill.item.service
    web = {"root": case.web_root, "name": case.name, "mark": seen.id}
    probes = questions(seen.item)

    def work() -> dict[str, Any]:
        case.tell("probe: started from what was restored, without any network")
        patience = max(1.0, min(service.patience, seen.declared + service.rto - time.time()))
        asked = {"probes": probes, "newest": service.newest, "patience": patience}
        about = {"folder": case.folder, "web": web, "database": case.database, "asked": asked}
        _room(case)
        found = hostpython.call(case.where, hostpython.Call(_PROVE, "prove", about, patience + EXTRA_SECONDS))
        return {**found, "at": time.time()}

    made = case.book.step("probe", f"nginx and PostgreSQL on what was restored; {len(probes)} questions", work)
    judged(case, probes, made)


def questions(item: ServiceItem) -> list[dict[str, Any]]:
    """Its probes as plain values."""
    return [probe.model_dump(include={"path", "sql", "status", "expect"}) for probe in item.service.probes]


def judged(case: Case, probes: list[dict[str, Any]], made: Mapping[str, Any]) -> None:
    """Note what was answered. `made`: {answers, wrong, newest, at}."""
    seen = case.drill
    told = zip(probes, made["answers"], made["wrong"], strict=True)
    seen.probes = [{"probe": probe, "answer": answer, "wrong": wrong} for probe, answer, wrong in told]
    seen.asked = float(made["at"])
    seen.green = 0.0 if any(made["wrong"]) else seen.asked
    seen.point = point(seen, made["newest"])


def point(seen: ServiceDrill, newest: float | None) -> Point | None:
    """What the restore brings back: the business time that its data speaks of, or that of its oldest part."""
    taken = min(float(one.entry["taken"]) for one in seen.sets)
    if newest is not None and newest <= max(float(one.entry["taken"]) for one in seen.sets):
        return Point(newest, f"newest business time: {seen.item.service.newest}")
    points = [one.found.point for one in seen.sets if one.found]
    return min(points, key=lambda one: one.epoch) if points else Point(taken, "when the oldest part was read")


def _restored(case: Case) -> bool:
    """Every set restored and compared in full; whether all of it held."""
    for item in case.drill.item.sets:
        keep = within(case.drill.item, case.keep)
        story = drill.opened(case.spots, item, case.progress, keep, case.names.sets[item.key])
        case.stories.append(story)
        case.drill.sets.append(story.drill)
        drill.proved(story)
        if story.drill.failure or story.drill.differences:
            return False
    return True


def _room(case: Case) -> None:
    """The drill's folder is there, and what an interrupted start left in it is not."""
    ask = standby.QUICK
    case.where.run(["mkdir", "-p", "-m", "0711", case.spots.drill_folder, case.folder], ask).must()
    case.where.run(["rm", "-rf", "--", f"{case.folder}/run"], ask).must()


def _close(case: Case, clean: Ask) -> None:
    """Clean up as a step: what it started first, then what it restored."""
    seen = case.drill

    def work() -> dict[str, Any]:
        clean(case)
        drill.remove(case.where, case.folder)
        return {}

    try:
        case.book.step("clean up", f"end what was started; remove {case.folder}", work)
        seen.cleaned = True
    except OpsError as error:
        seen.failure, seen.error = seen.failure or f"clean up: {error.what}", seen.error or error
    for story in case.stories:
        drill.closed(story)
        seen.cleaned = seen.cleaned and story.drill.cleaned
    case.book.journal.close(seen.cleaned)


def _abandon(case: Case, clean: Ask) -> None:
    """Cancelled or refused: nothing of it stays; what cannot be taken away now is by the next drill."""
    cleaned = True
    try:
        clean(case)
        drill.remove(case.where, case.folder)
    except OpsError:
        cleaned = False
    for story in case.stories:
        drill.abandon(story)
    case.book.journal.close(cleaned)


def nothing(_case: Case) -> None:
    """Nothing to prepare, nothing to end: the kernel does."""
