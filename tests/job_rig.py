"""Workers as processes, with stand-in jobs: what tests and benchmarks of the job engine share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from stand_in_jobs import JOBS, lines

from ops.runs import queue
from ops.runs.model import Job, Order, Run
from ops.runs.tables import TABLES
from ops.system.database import Database, connect

HERE = Path(__file__).parent
INVENTORY = HERE / "contract/rules/base"
LONG = 60.0  # seconds: a busy machine is no failure


def until(true: Callable[[], Any], what: str, seconds: float = LONG) -> Any:
    """What `true` gives once it is not empty. AssertionError with `what` when that takes too long."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)
    return found


@dataclass
class Rig:
    """A job database, a state folder and the workers on them. `mark` is in the environment of all that they start."""

    url: str
    folder: Path
    module: str = "stand_in_jobs"
    jobs: dict[str, Job] = field(default_factory=lambda: JOBS)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state, self.log = self.folder / "state", self.folder / "log"
        self.state.mkdir(parents=True)
        self.database: Database = connect(self.url)
        self.database.create(TABLES)

    @property
    def mark(self) -> str:
        return f"OPS_STATE={self.folder}"

    def ask(self, kind: str = "steps", **args: Any) -> str:
        """A run of that kind; its id. `order` in the arguments goes to the order itself, `timeout` to the job."""
        order = args.pop("order", {})
        job = replace(self.jobs[kind], timeout=args.pop("timeout", LONG * 10))
        args, world = {"log": str(self.log), **args}, {"twin": None, "inventory": str(INVENTORY)}
        wanted = Order(**{"kind": kind, "args": args, "who": "ani", **order})
        return queue.enqueue(self.database, job, wanted, world, job.scope(None, args)).id  # type: ignore[arg-type]

    def work(self, name: str = "w1", slots: int = 2, state: Path | None = None, **env: str) -> subprocess.Popen[bytes]:
        """A worker as a process."""
        words = [sys.executable, "-m", "stand_in_worker", self.url, str(state or self.state), name, str(slots)]
        path = os.pathsep.join([str(self.folder), str(HERE), str(HERE.parent)])
        environment = {**os.environ, "PYTHONPATH": path, "OPS_STATE": str(self.folder), **env}
        with (self.folder / f"{name}.err").open("ab") as log:
            worker = subprocess.Popen([*words, self.module], env=environment, stdout=log, stderr=log)
        self.workers.append(worker)
        return worker

    def run(self, run: str) -> Run:
        return queue.get(self.database, run)

    def ended(self, *runs: str, seconds: float = LONG) -> list[Run]:
        """The runs, once all have ended."""

        def all_ended() -> list[Run]:
            found = [self.run(run) for run in runs]
            return found if all(run.state.ended for run in found) else []

        return until(all_ended, f"the end of {len(runs)} runs", seconds)

    def said(self, what: str, run: str | None = None, step: str | None = None) -> list[list[str]]:
        """Lines of the log."""
        found = (line for line in lines(self.log) if line[0] == what and run in {None, line[1]})
        return [line for line in found if step in {None, line[2]}]

    def process_of(self, run: str) -> int:
        """The number of the process that the run's latest attempt is."""
        return int(until(lambda: self.said("open", run), f"run {run} to begin")[-1][3])

    def all(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with self.database.read() as tx:
            return tx.all(sql, *values)

    def processes(self) -> list[int]:
        """What lives of all that the workers have started, themselves included."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self.mark.encode() in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
        return found

    def quit(self) -> None:
        """The workers end in order."""
        for worker in self.workers:
            with suppress(ProcessLookupError):
                worker.send_signal(signal.SIGCONT)
                worker.terminate()
        for worker in self.workers:
            worker.wait(LONG)
        self.workers.clear()

    def close(self) -> None:
        """End everything at once."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for worker in self.workers:
            worker.wait(LONG)
        self.database.close()


@contextmanager
def rig(url: str, folder: Path, **options: Any) -> Iterator[Rig]:
    made = Rig(url, folder, **options)
    try:
        yield made
    finally:
        made.close()


def repeated(log: Path) -> list[str]:
    """Steps that were begun again after their run had been told that they are kept."""
    kept, found = set(), []
    for what, run, step, *_ in lines(log):
        if what == "kept":
            kept.add((run, step))
        elif what == "begin" and (run, step) in kept:
            found.append(f"{run} {step}")
    return found


def ended_twice(log: Path) -> int:
    """Steps that were killed after their work and before their checkpoint, and so were done again."""
    count: dict[tuple[str, str], int] = defaultdict(int)
    for what, run, step, *_ in lines(log):
        count[run, step] += what == "end"
    return sum(times - 1 for times in count.values() if times > 1)


def together(log: Path, places: dict[str, list[str]]) -> list[str]:
    """Pairs of processes that were at work on one place at the same time, by the first and last line of each.

    `places`: run → the names of what it has to itself.
    """
    spans: dict[tuple[str, str], list[float]] = {}
    for _, run, _, pid, at in lines(log):
        span = spans.setdefault((run, pid), [float(at), float(at)])
        span[1] = float(at)
    by_place: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for (run, pid), (begun, ended) in spans.items():
        for place in [*places.get(run, ()), f"run {run}"]:
            by_place[place].append((begun, ended, f"{run}/{pid}"))
    found = []
    for place, taken in by_place.items():
        taken.sort()
        found += [
            f"{place}: {one[2]} until {one[1]}, {two[2]} from {two[0]}"
            for one, two in pairwise(taken)
            if two[0] < one[1]
        ]
    return found
