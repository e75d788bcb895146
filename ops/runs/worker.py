"""A worker: beats, takes the runs of dead workers over, claims runs and has them attempted, each in its own process."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ops.errors import OpsError
from ops.runs import queue
from ops.runs.attempt import Attempt, Office, sweep
from ops.runs.leases import BEAT, Dead, Lease, Observer
from ops.runs.model import Job, Run
from ops.runs.steps import Steps
from ops.system import leftovers
from ops.system.database import Database, DatabaseGoneError
from ops.system.nursery import Nursery

WAKE = 0.25  # seconds after which a worker looks even if nobody has written anything
PROCESS = "ops.jobs.run_process"
_WATCH = 1.0  # seconds between looks at the other workers
_LEAST = 0.02  # seconds between two looks, however much is written
_LEAVE = 30.0  # seconds that runs may take to end when the worker goes


class Worker:
    """`slots`: runs at the same time · `only_pinned`: a command in the foreground takes its own run and no other."""

    def __init__(self, database: Database, state: Path, jobs: Mapping[str, Job], name: str, slots: int = 4) -> None:
        folder = state / "workers"
        self.name = name
        self._database, self._jobs = database, jobs
        self.lease = Lease(database, folder, name, slots)
        self.lease.knows = {kind: one.versions for kind, one in jobs.items()}
        self.steps = Steps(database, state / "artefacts")
        self.office = Office(database, self.steps, self.lease, state / "run-logs", Nursery(PROCESS, list(jobs)))
        self.only_pinned = False
        self._observer = Observer(database, folder, name)
        self._running: dict[str, tuple[Attempt, threading.Thread]] = {}
        self._helpers: list[threading.Thread] = []
        self._looked = 0.0
        self._begun = False
        self._stop, self._gone = threading.Event(), threading.Event()

    def serve(self, idle: Callable[[], None] = lambda: None) -> None:
        """Work until `stop()`; `idle` is called at every turn. What still runs then is left to others."""
        if not self._begun:
            self.begin()
        try:
            while not self._stop.is_set():
                self.turn()
                idle()
                self._wait()
        finally:
            self._leave()

    def begin(self) -> None:
        """Take up work under this name, after ending what an earlier process of this name has left running."""
        self.lease.claim_file()
        self._clear(self.name)
        self.lease.take()
        self._begun = True
        self.office.nursery.prepare()
        # threads of their own: nothing that takes its time may keep a worker from beating
        for work, pause in ((self.lease.beat, BEAT), (self._bury_dead, _WATCH)):
            helper = threading.Thread(target=self._again, args=(work, pause), name=work.__name__, daemon=True)
            helper.start()
            self._helpers.append(helper)

    def stop(self) -> None:
        self._stop.set()

    def turn(self) -> None:
        """One look at everything. A database that is away is looked at again later."""
        if not all(helper.is_alive() for helper in self._helpers):
            raise RuntimeError("a thread of the worker broke down")  # its own words are in the log
        try:
            if not self.lease.good:
                self._start_again()
            self._collect()
            while len(self._running) < self.lease.slots and (run := self._claim()):
                self._start(run)
        except DatabaseGoneError:
            self._stop.wait(WAKE)

    @property
    def busy(self) -> int:
        return len(self._running)

    def _claim(self) -> Run | None:
        return queue.claim(self._database, self.name, self._jobs, self.only_pinned)

    def _start(self, run: Run) -> None:
        attempt = Attempt(self.office, run)
        thread = threading.Thread(target=attempt.serve, name=f"run {run.id}", daemon=True)
        self._running[run.id] = (attempt, thread)
        thread.start()

    def _collect(self) -> None:
        """Forget runs that are over; tell the others whether somebody wants them cancelled."""
        for run, (_, thread) in list(self._running.items()):
            if not thread.is_alive():
                del self._running[run]
        for run, who in queue.to_cancel(self._database, self.name).items():
            if run in self._running:
                self._running[run][0].cancel_by = who
        if time.monotonic() - self._looked >= _WATCH:
            self._looked = time.monotonic()
            queue.give_back(self._database, self.name, set(self._running))

    def _bury_dead(self) -> None:
        for dead in self._observer.dead():
            with self._observer.burying(dead) as ours:
                if ours:
                    self._clear(dead.id, dead)
                    self._observer.bury(dead)

    def _clear(self, executor: str, dead: Dead | None = None) -> None:
        """End what an executor's runs have left running here, and on hosts where nobody else would."""
        for run in queue.owned(self._database, executor):
            if dead is None or dead.here:
                leftovers.end_here(run.id)
            if run.pin or run.cancel_by:  # nobody goes on with it
                sweep(run, self.office)

    def _again(self, work: Callable[[], None], pause: float) -> None:
        while not self._gone.is_set():
            try:
                work()
            except DatabaseGoneError:
                self._gone.wait(WAKE)
                continue
            self._gone.wait(pause)

    def _start_again(self) -> None:
        """Others took us for dead, or could have: end everything, then begin anew under the same name."""
        self._end_all()
        self.lease.take()

    def _end_all(self) -> None:
        for attempt, _ in self._running.values():
            attempt.lose()
        until = time.monotonic() + _LEAVE
        for _, thread in self._running.values():
            thread.join(max(0.0, until - time.monotonic()))
        self._running.clear()

    def _leave(self) -> None:
        self._end_all()
        self._gone.set()
        self.office.nursery.close()
        for helper in self._helpers:
            helper.join(_LEAVE)
        with contextlib.suppress(OpsError):  # without a database there is nobody to say goodbye to
            self.lease.leave()

    def _wait(self) -> None:
        begun = time.monotonic()
        try:
            self._database.wait(WAKE)
        except DatabaseGoneError:
            self._stop.wait(WAKE)
        self._stop.wait(max(0.0, _LEAST - (time.monotonic() - begun)))
