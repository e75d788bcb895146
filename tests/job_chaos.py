"""A campaign of kill -9 at random moments over a mix of stand-in jobs, and what must be true afterwards."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from job_rig import Rig, ended_twice, repeated, together, until
from stand_in_jobs import lines

from ops.runs import audit, proof, queue

PLACES = "abcdefghijklmnop"
SETTLE = 240.0  # seconds that everything may take to end after the last kill
MOST_DEATHS = 3  # of one run's process: after more, the engine waits longer and longer before it tries again
PATIENCE = 10.0  # seconds that a kind of victim is waited for
IN_THE_BEGINNING = 0.1  # share of the workers that may be killed before they have taken up work
# what is killed, and how often
KINDS = {"run": 24, "worker": 4, "worker and its runs": 3, "nursery": 2, "everything": 1}


@dataclass
class Report:
    """`kills` by kind; the lists and counts below must be empty or 0, but for `work_repeated`: steps that were killed
    between the end of their work and its checkpoint."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    runs: int = 0
    steps: int = 0
    attempts: int = 0
    work_repeated: int = 0
    finished_steps_repeated: list[str] = field(default_factory=list)
    jobs_lost: list[str] = field(default_factory=list)
    two_at_one_place: list[str] = field(default_factory=list)
    locks_left: list[Any] = field(default_factory=list)
    processes_left: list[int] = field(default_factory=list)
    audit_problems: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> dict[str, Any]:
        names = (
            "finished_steps_repeated", "jobs_lost", "two_at_one_place", "locks_left", "processes_left",
            "audit_problems",
        )  # fmt: skip
        return {name: found for name in names if (found := getattr(self, name))}


class Campaign:
    """`workers` processes; whoever is killed is started again a little later, under the same name."""

    def __init__(self, rig: Rig, seed: int, workers: int, pause: tuple[float, float] = (0.1, 0.5)) -> None:
        self._rig, self._chance = rig, random.Random(seed)
        self._names = [f"worker-{number}" for number in range(workers)]
        self._pause = pause
        self._asked: dict[str, list[str]] = {}  # run → what it has to itself
        self._want: dict[str, int] = {}  # run → how many steps
        self._again: dict[str, float] = {}  # worker → when it is started again
        self._living: dict[str, Any] = {}
        self._deaths: Counter[str] = Counter()
        self.report = Report(seed)

    def run(self, kills: int, told: Callable[[Report], None] = lambda _report: None) -> Report:
        begun = time.monotonic()
        for name in self._names:
            self._living[name] = self._rig.work(name, slots=3)
        until(lambda: self._rig.all("SELECT 1 AS one FROM executor"), "the first worker")
        while self.report.kills.total() < kills:
            self._supply()
            self._start_again()
            time.sleep(self._chance.uniform(*self._pause))
            self._kill()
            told(self.report)
        self._settle()
        self.report.seconds = time.monotonic() - begun
        return self._look()

    def _supply(self) -> None:
        """Never too little to do, nor too much."""
        left = self._rig.all("SELECT count(*) AS n FROM run WHERE state IN ('waiting', 'running')")[0]["n"]
        chance = self._chance
        for _ in range(max(0, 16 - left)):
            boxes = chance.sample(PLACES, chance.choice((1, 1, 1, 2, 3)))
            args = {
                "steps": chance.randint(1, 6), "seconds": chance.choice((0.0, 0.02, 0.1, 0.3)), "boxes": boxes,
                "bytes": chance.choice((0, 0, 0, 100_000)),
            }  # fmt: skip
            if chance.random() < 0.2:
                args["hosts"] = [chance.choice("xy")]
            run = self._rig.ask(**args)
            self._asked[run] = [*boxes, *args.get("hosts", ())]
            self._want[run] = args["steps"]

    def _start_again(self) -> None:
        for name, due in list(self._again.items()):
            if time.monotonic() >= due:
                del self._again[name]
                self._living[name] = self._rig.work(name, slots=3)

    def _kill(self) -> None:
        """Kill something of a kind that chance chooses, once there is one."""
        kind = self._chance.choices(list(KINDS), list(KINDS.values()))[0]
        early = self._chance.random() < IN_THE_BEGINNING
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            workers = {worker.pid: name for name, worker in self._living.items()}
            if victims := self._victims(kind, workers, early):
                self.report.kills[kind] += 1
                self._end(victims, workers)
                return
            time.sleep(0.05)
            self._start_again()

    def _victims(self, kind: str, workers: dict[int, str], early: bool) -> list[int]:
        nurseries, runs = self._family(set(workers))
        if kind == "run":
            victims = self._some([pid for pid in runs if self._deaths[_run_of(pid)] < MOST_DEATHS])
            self._deaths.update(map(_run_of, victims))
            return victims
        if kind == "nursery":
            return self._some(list(nurseries))
        begun = [row["pid"] for row in self._rig.all("SELECT pid FROM executor") if row["pid"] in workers]
        victims = self._some(list(workers) if early else begun)
        if kind == "everything" and victims:
            return [*workers, *nurseries, *runs]
        if kind == "worker and its runs":
            mine = [nursery for nursery, worker in nurseries.items() if worker in victims]
            return victims + [run for run, nursery in runs.items() if nursery in mine]
        return victims

    def _end(self, victims: list[int], workers: dict[int, str]) -> None:
        self._chance.shuffle(victims)
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        for victim in victims:
            if victim in workers:
                name = workers[victim]
                self._living.pop(name).wait()
                self._again[name] = time.monotonic() + self._chance.choice((0.0, 0.3, 2.0))

    def _some(self, among: list[int]) -> list[int]:
        return [self._chance.choice(sorted(among))] if among else []

    def _family(self, workers: set[int]) -> tuple[dict[int, int], dict[int, int]]:
        """Nurseries and runs that live, each with the process that made it."""
        parents = {pid: parent for pid in self._rig.processes() if (parent := _parent(pid))}
        nurseries = {pid: parent for pid, parent in parents.items() if parent in workers}
        return nurseries, {pid: parent for pid, parent in parents.items() if parent in nurseries}

    def _settle(self) -> None:
        """Wait for the end of all runs, with all workers there."""
        end = time.monotonic() + SETTLE
        while self._unfinished() and time.monotonic() < end:
            self._start_again()
            time.sleep(0.1)
        self._rig.workers[:] = list(self._living.values())
        self._rig.quit()

    def _unfinished(self) -> list[str]:
        return [row["id"] for row in self._rig.all("SELECT id FROM run WHERE state IN ('waiting', 'running')")]

    def _look(self) -> Report:
        rig, report = self._rig, self.report
        report.runs, report.steps = len(self._asked), sum(self._want.values())
        report.attempts = sum(line[0] == "open" for line in lines(rig.log))
        report.work_repeated = ended_twice(rig.log)
        report.finished_steps_repeated = repeated(rig.log)
        report.jobs_lost = [why for run in self._asked if (why := self._lost(run))]
        report.two_at_one_place = together(rig.log, self._asked)
        report.locks_left = rig.all("SELECT * FROM lock")
        report.processes_left = _left(rig)
        report.audit_problems = [*audit.problems(rig.database), *proof.contradictions(rig.database)]
        return report

    def _lost(self, run: str) -> str:
        """What is missing of a run; nothing when it has done all that it was asked for."""
        found = queue.get(self._rig.database, run)
        numbers = [number for number, _ in (found.result or {}).get("done", ())]
        if found.state == "done" and numbers == list(range(self._want[run])):
            return ""
        return f"{run} {found.state} {numbers} of {self._want[run]}: {found.error}"


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _run_of(pid: int) -> str:
    """The run that a process belongs to, by its mark."""
    with suppress(OSError):
        for word in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if word.startswith(b"OPS_RUN_ID="):
                return word.partition(b"=")[2].decode().partition("/")[0]
    return ""


def _left(rig: Rig) -> list[int]:
    """Processes that do not end, although they had a while to."""
    end = time.monotonic() + 15
    while (found := rig.processes()) and time.monotonic() < end:
        time.sleep(0.1)
    return found
