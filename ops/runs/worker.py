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
from ops.runs.leases import Lease, Observer, host
from ops.runs.model import Job, Run
from ops.runs.steps import Steps
from ops.system import leftovers
from ops.system.database import Database, DatabaseGoneError

WAKE = 0.25  # seconds after which a worker looks even if nobody has written anything
PROCESS = "ops.jobs.run_process"
_WATCH = 2.0  # seconds between looks at the other workers
_LEAST = 0.02  # seconds between two looks, however much is written


class Worker:
    """`slots`: runs at the same time · `only_pinned`: a command in the foreground takes its own run and no other."""

    def __init__(self, database: Database, state: Path, jobs: Mapping[str, Job], name: str, slots: int = 4) -> None:
        folder = state / "workers"
        self.name = name
        self._database, self._jobs = database, jobs
        self.lease = Lease(database, folder, name, slots)
        self.steps = Steps(database, state / "artefacts")
        self.office = Office(database, self.steps, self.lease, state / "run-logs", PROCESS)
        self.only_pinned = False
        self._observer = Observer(database, folder, name)
        self._running: dict[str, tuple[Attempt, threading.Thread]] = {}
        self._watched = 0.0
        self._begun = False
        self._stop = threading.Event()

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
        for run in self._observer.runs_of(self.name):
            leftovers.end_here(run)
        self.lease.take()
        self._begun = True

    def stop(self) -> None:
        self._stop.set()

    def turn(self) -> None:
        """One look at everything. A database that is away is looked at again later."""
        try:
            self.lease.beat()
            if self.lease.lost:
                self._start_again()
            self._collect()
            self._bury_dead()
            while len(self._running) < self.lease.slots and (run := self._claim()):
                self._start(run)
        except DatabaseGoneError:
            time.sleep(WAKE)

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

    def _bury_dead(self) -> None:
        now = time.monotonic()
        if now - self._watched < _WATCH:
            return
        self._watched = now
        for executor, machine in self._observer.dead():
            runs = [queue.get(self._database, run) for run in self._observer.runs_of(executor)]
            for run in runs:
                if machine == host():
                    leftovers.end_here(run.id)
                if run.pin or run.cancel_by:  # nobody goes on with it, so nobody else would sweep its hosts
                    sweep(run, self.office)
            self._observer.bury(executor)

    def _start_again(self) -> None:
        """Others took us for dead: end everything, then begin anew under the same name."""
        self._end_all()
        self.lease.take()
        self.lease.lost = False

    def _end_all(self) -> None:
        self.lease.lost = True  # the attempts see it and end
        for _, thread in self._running.values():
            thread.join(30)
        self._running.clear()

    def _leave(self) -> None:
        self._end_all()
        with contextlib.suppress(OpsError):  # without a database there is nobody to say goodbye to
            self.lease.leave()

    def _wait(self) -> None:
        begun = time.monotonic()
        try:
            self._database.wait(WAKE)
        except DatabaseGoneError:
            self._stop.wait(WAKE)
        self._stop.wait(max(0.0, _LEAST - (time.monotonic() - begun)))
