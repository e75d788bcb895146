"""The suite as a service: worker, scheduler and notifications in one thread, the exporter beside them."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import signal
import threading
import time
from collections.abc import Callable

from ops.jobs.notices import Notices
from ops.jobs.registry import every
from ops.runs import housekeeping, notify, proof
from ops.runs.foreground import Desk
from ops.runs.scheduler import Scheduler
from ops.runs.worker import Worker
from ops.system import service_manager
from ops.system.database import DatabaseGoneError
from ops.world import World

_TOLD = 5.0  # seconds between words to systemd
_log = logging.getLogger(__name__)


class Service:
    """`name`: of this worker, unique among all that share the work; the machine's name by default."""

    def __init__(self, world: World, name: str = "", slots: int = 4) -> None:
        self.desk = Desk.of(world)
        jobs = every()
        self.worker = Worker(self.desk.database, world.state, jobs, name or platform.node(), slots)
        self._scheduler = Scheduler(self.desk, jobs.__getitem__, self.worker.name)
        self._turns: list[Callable[[], None]] = [self._scheduler.turn, self._note]
        self._head = proof.Note(self.desk.database, world.state)
        self._told = 0.0
        self._over, self._ended = threading.Event(), threading.Event()
        self._beside = [threading.Thread(target=self._notify), threading.Thread(target=self._forget)]
        self.notices = Notices.of(self.desk.database, self.desk.world)
        self._beside.append(threading.Thread(target=self.notices.serve, args=(self._over,)))
        self._thread = threading.Thread(target=self._serve, name="worker")
        self._stopping = False
        self.failed = False

    def start(self) -> None:
        """OpsError when another worker of this name runs."""
        self.worker.begin()
        self._thread.start()
        for thread in self._beside:
            thread.start()

    def wait(self) -> None:
        """Until it is interrupted, or the worker breaks down."""
        while not self._ended.wait(1.0):  # not join(): interrupted, Python 3.11 takes a thread that runs for ended
            pass

    def stop(self) -> None:
        """End in order: what still runs is left to others, or to the next start."""
        self._stopping = True
        service_manager.tell("STOPPING=1")
        self.worker.stop()
        self._over.set()
        for thread in (self._thread, *self._beside):
            if thread.is_alive():
                thread.join()

    def _note(self) -> None:
        for wrong in self._head.turn():
            _log.warning("history: %s", wrong)

    def _notify(self) -> None:
        world = self.desk.world
        if url := notify.address(world.region):
            notify.Notifier(self.desk.database, url, world.secrets.scrub).serve(self._over)

    def _forget(self) -> None:
        housekeeping.serve(self.desk, self._over)

    def _serve(self) -> None:
        try:
            service_manager.tell("READY=1")
            self.worker.serve(self._idle)
        finally:
            self._ended.set()
            if not self._stopping:  # a bug: end the whole service, systemd starts it anew
                self.failed = True
                os.kill(os.getpid(), signal.SIGTERM)

    def _idle(self) -> None:
        with contextlib.suppress(DatabaseGoneError):  # tried again at the next turn
            for turn in self._turns:
                turn()
        if time.monotonic() - self._told >= _TOLD and self.worker.lease.good:
            self._told = time.monotonic()
            service_manager.tell(f"WATCHDOG=1\nSTATUS={self.worker.busy} runs")
