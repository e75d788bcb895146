"""The outside of a run's process: starts it, keeps its checkpoints, ends it when it must end, and says how it went."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ops.runs import queue
from ops.runs.leases import Lease
from ops.runs.model import Run, RunState
from ops.runs.steps import Steps, append_events, subject_result
from ops.system import leftovers
from ops.system.database import Database, DatabaseGoneError
from ops.system.wire import Child, Message, Wire, spawn

MOST_CRASHES = 20  # of one run's process, before it counts as failed
UNWIND = 6.0  # seconds that a cancelled run has to put things in order before it is killed
_BEAT = 1.0
_FLUSH = 0.2  # seconds that events wait for more of them
T = TypeVar("T")


@dataclass(frozen=True)
class Office:
    """What all attempts of one worker share. `folder`: of the runs' logs · `process`: the module that a run's process
    begins with · `on_event`: told every event of its runs (a command in the foreground)."""

    database: Database
    steps: Steps
    lease: Lease
    folder: Path
    process: str
    on_event: Callable[[list[str]], None] | None = None


class Attempt:
    """One attempt of one run. `serve()` (in a thread of its own) returns when it is over and noted."""

    def __init__(self, office: Office, run: Run) -> None:
        self.run = run
        self.cancel_by = run.cancel_by
        self._office = office
        self._verdict: Message | None = None
        self._postpone: Message | None = None
        self._events: list[tuple[str, str, str, str]] = []
        self._flushed = 0.0
        self._stopping: tuple[float, str] | None = None  # until when it may unwind, and why it must end
        self._lost = False

    def serve(self) -> None:
        """Run it to its end. Nothing is written when the run is not ours any more."""
        try:
            self._converse()
            self._note()
        except queue.FencedError:
            pass  # another worker has it
        except DatabaseGoneError:
            pass  # the lease was lost meanwhile; whoever sees the database again takes the run over
        finally:
            leftovers.end_here(self.run.id)

    def _converse(self) -> None:
        wire, child = start(self.run, self._office)
        beaten = 0.0
        try:
            while (messages := wire.read(_FLUSH)) is not None:
                now = time.monotonic()
                if self._office.lease.good and now - beaten >= _BEAT:
                    beaten = now
                    wire.send({"beat": 1})
                for message in messages:
                    self._hear(wire, message)
                self._flush(now)
                if self._must_end(child, now):
                    break
        finally:
            self._flush(0.0, force=True)
            _reap(child, self.run.id)
            wire.close()

    def _hear(self, wire: Wire, message: Message) -> None:
        office = self._office
        if "event" in message:
            self._events.append(tuple(message["event"]))
            if office.on_event:
                office.on_event(message["event"])
        elif "subject" in message:
            self._patiently(lambda: subject_result(office.database, self.run, [tuple(message["subject"])]))
        elif "begin" in message:
            kept, output = self._patiently(lambda: office.steps.begin(self.run, message["begin"]))
            wire.send({"answer": message["number"], "kept": kept, "output": output})
        elif "end" in message:
            self._patiently(lambda: office.steps.end(self.run, message["end"], message["output"]))
            wire.send({"answer": message["number"]})
        elif "results" in message:
            found = self._patiently(lambda: queue.results(office.database, message["results"], message["since"]))
            wire.send({"answer": message["number"], "found": [office.steps.whole(one) for one in found]})
        elif "postpone" in message:
            self._postpone = message
        elif "verdict" in message:
            self._verdict = message["verdict"]

    def _must_end(self, child: Child, now: float) -> bool:
        """TERM once when there is a reason to end; True when it had its time to unwind."""
        if not self._office.lease.good:
            self._lost = True
            return True
        if self._stopping:
            return now >= self._stopping[0]
        if self.cancel_by:
            self._stopping = (now + UNWIND, f"cancelled by {self.cancel_by}")
        elif now - child.started > self.run.timeout:
            self._stopping = (now + UNWIND, f"it took longer than its limit of {self.run.timeout:g} s")
        if self._stopping:
            child.terminate()
        return False

    def _flush(self, now: float, force: bool = False) -> None:
        if self._events and (force or now - self._flushed >= _FLUSH):
            waiting, self._events = self._events, []
            self._flushed = now
            try:
                append_events(self._office.database, self.run, waiting)
            except DatabaseGoneError:
                self._events = waiting + self._events

    def _note(self) -> None:
        """Write how it ended."""
        office, verdict = self._office, self._verdict
        if self._lost:
            return
        if self._stopping:
            if verdict is None:  # it did not unwind, so its hosts were not swept
                sweep(self.run, office)
            state = RunState.CANCELLED if self.cancel_by else RunState.FAILED
            error = {"what": self._stopping[1], "next_step": f"ops jobs retry {self.run.id}", "exit_code": 130}
            self._patiently(lambda: queue.finish(office.database, self.run, state, None, error))
        elif self._postpone:
            until, why = float(self._postpone["postpone"]), str(self._postpone["why"])
            self._patiently(lambda: queue.postpone(office.database, self.run, until, why))
        elif verdict is not None:
            state = RunState.FAILED if verdict["error"] else RunState.DONE
            result = office.steps.result(verdict["result"])
            self._patiently(lambda: queue.finish(office.database, self.run, state, result, verdict["error"]))
        else:
            self._patiently(lambda: queue.crashed(office.database, self.run, MOST_CRASHES))

    def _patiently(self, work: Callable[[], T]) -> T:
        """Again and again while the database is away, for as long as the lease is good."""
        while True:
            try:
                return work()
            except DatabaseGoneError:
                if not self._office.lease.good:
                    self._lost = True
                    raise
                time.sleep(_FLUSH)


def start(run: Run, office: Office, sweep_only: bool = False) -> tuple[Wire, Child]:
    """Start the run's process and tell it what it is for. What else it writes goes to `<folder>/<run>.log`."""
    office.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wire, child = spawn(office.process, office.folder / f"{run.id}.log", {leftovers.MARK: run.id})
    wire.send(
        {
            "run": run.id, "kind": run.kind, "args": run.args, "world": run.world, "who": run.who, "reason": run.reason,
            "token": run.token, "locks": run.locks, "sweep": sweep_only,
        }
    )  # fmt: skip
    return wire, child


def sweep(run: Run, office: Office) -> None:
    """End what a run that is over left running on its hosts; in a process of its own, which may enter a twin."""
    if not any(name.startswith("host:") for name in run.locks):
        return
    wire, child = start(run, office, sweep_only=True)
    end = time.monotonic() + UNWIND
    try:
        while (messages := wire.read(_FLUSH)) is not None and time.monotonic() < end:
            if any("verdict" in message for message in messages):
                break
            wire.send({"beat": 1})
    finally:
        _reap(child, run.id)
        wire.close()


def _reap(child: Child, run: str) -> None:
    """Its end, and that of everything it started."""
    if not child.ended(0.5):
        leftovers.end_here(run)
        child.kill()
