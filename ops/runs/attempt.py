"""The outside of a run's process: starts it, keeps its checkpoints, ends it when it must end, and says how it went."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ops.errors import OpsError
from ops.runs import queue
from ops.runs.leases import Lease, clock
from ops.runs.model import Run, RunState
from ops.runs.steps import Steps, append_events, subject_result
from ops.system import leftovers
from ops.system.database import Database, DatabaseGoneError
from ops.system.nursery import Child, Nursery
from ops.system.wire import Message, Wire

UNWIND = 4.0  # seconds that a run has to put things in order, or to end after its last word, before it is killed
_BEAT = 1.0
_FLUSH = 0.2  # seconds that events wait for more of them
T = TypeVar("T")


@dataclass(frozen=True)
class Office:
    """What all attempts of one worker share. `folder`: of the runs' logs · `nursery`: where their processes come from
    · `on_event`: told every event of its runs (a command in the foreground)."""

    database: Database
    steps: Steps
    lease: Lease
    folder: Path
    nursery: Nursery
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
        self._flushed = self._beaten = 0.0
        self._why = ""  # we ended it, and for what
        self._until = float("inf")  # when it is killed, by our monotonic clock
        self._lost = threading.Event()

    def lose(self) -> None:
        """The run is not ours any more: end it, and write nothing."""
        self._lost.set()

    def serve(self) -> None:
        """Run it to its end. Nothing is written when the run is not ours any more."""
        try:
            if self.cancel_by:  # before this attempt: there may be something left of the one before
                self._why = f"cancelled by {self.cancel_by}"
            else:
                self._converse()
            self._note()
        except (queue.FencedError, DatabaseGoneError):
            pass  # another worker has it, or will have when it sees the database again

    def _converse(self) -> None:
        try:
            wire, child = start(self.run, self._office)
        except (OpsError, OSError):
            return  # it says why when it was tried often enough
        orderly = False
        try:
            orderly = self._hear_all(wire, child)
        finally:
            self._flush(force=True)
            alone = orderly and self._verdict is not None and self._verdict["alone"]
            end(child, self.run, orderly, alone)  # before its end is noted: then its hosts are free for others
            wire.close()

    def _hear_all(self, wire: Wire, child: Child) -> bool:
        """Until it ends by itself (True) or must be ended."""
        while True:
            gone = child.ended(0)
            messages = wire.read(0 if gone else _FLUSH)
            try:
                for message in messages or ():
                    self._hear(wire, message)
            except (queue.FencedError, DatabaseGoneError):
                raise
            except OpsError as error:  # e.g. an output that was kept in a file is gone
                said = _error(error.what, error.next_step, error.exit_code)
                self._verdict = {"result": None, "error": said, "interrupted": False, "alone": False}
                return False
            self._flush()
            if messages is None or (gone and not messages):
                return True
            self._beat(wire)
            if self._must_end(child):
                return False

    def _beat(self, wire: Wire) -> None:
        """Let it know until when it may go on."""
        until = self._office.lease.until
        if until >= self._beaten + _BEAT:
            self._beaten = until
            wire.send({"until": until})

    def _hear(self, wire: Wire, message: Message) -> None:
        office = self._office
        if "event" in message:
            self._events.append(tuple(message["event"]))
            if office.on_event:
                office.on_event(message["event"])
        elif "subject" in message:
            self._patiently(lambda: subject_result(office.database, self.run, [tuple(message["subject"])]))
        elif "postpone" in message:
            self._postpone = message
        elif "verdict" in message:
            self._verdict = message["verdict"]
        elif "number" in message:
            wire.send({"answer": message["number"], **self._patiently(lambda: self._answer(message))})

    def _answer(self, message: Message) -> dict[str, Any]:
        office = self._office
        if "begin" in message:
            kept, output = office.steps.begin(self.run, message["begin"])
            return {"kept": kept, "output": output}
        if "end" in message:
            office.steps.end(self.run, message["end"], message["output"])
        if "results" in message:
            found = queue.results(office.database, message["results"], message["since"])
            return {"found": [office.steps.whole(one) for one in found]}
        return {}

    def _must_end(self, child: Child) -> bool:
        """TERM once when there is a reason to end; True when it had its time to unwind."""
        now = time.monotonic()
        if self._not_ours():
            return True
        if self._until < float("inf"):
            return now >= self._until
        if self._verdict or self._postpone:
            self._until = now + UNWIND
            return False
        if self.cancel_by:
            self._why = f"cancelled by {self.cancel_by}"
        elif now - child.started > self.run.timeout:
            self._why = f"it took longer than its limit of {self.run.timeout:g} s"
        if self._why:
            self._until = now + UNWIND
            child.terminate()
        return False

    def _not_ours(self) -> bool:
        if not self._office.lease.good:
            self._lost.set()
        return self._lost.is_set()

    def _flush(self, force: bool = False) -> None:
        now = time.monotonic()
        if self._events and (force or now - self._flushed >= _FLUSH):
            waiting, self._events = self._events, []
            self._flushed = now
            try:
                append_events(self._office.database, self.run, waiting)
            except DatabaseGoneError:
                self._events = waiting + self._events

    def _note(self) -> None:
        """Write how it ended."""
        office, run, verdict = self._office, self.run, self._verdict
        if self._not_ours():
            return
        if self._why and (verdict is None or verdict["error"]):
            if verdict is None:  # it did not unwind, so its hosts were not swept
                sweep(run, office)
            state = RunState.CANCELLED if self.cancel_by else RunState.FAILED
            error = _error(self._why, f"ops jobs retry {run.id}", 130 if self.cancel_by else 1)
            self._patiently(lambda: queue.finish(office.database, run, state, None, error))
        elif self._postpone:
            until, why = float(self._postpone["postpone"]), str(self._postpone["why"])
            self._patiently(lambda: queue.postpone(office.database, run, until, why))
        elif verdict is None or verdict["interrupted"]:  # by others, e.g. when the machine shuts down
            self._patiently(lambda: queue.crashed(office.database, run))
        else:
            result, wrong = self._result(verdict)
            state = RunState.FAILED if wrong else RunState.DONE
            self._patiently(lambda: queue.finish(office.database, run, state, result, wrong))

    def _result(self, verdict: Message) -> tuple[Any, dict[str, Any] | None]:
        """What is kept of it, and the error; that of a result that cannot be kept when it has no other."""
        try:
            return self._office.steps.result(verdict["result"]), verdict["error"]
        except OpsError as error:
            return None, verdict["error"] or _error(error.what, error.next_step, error.exit_code)

    def _patiently(self, work: Callable[[], T]) -> T:
        """Again and again while the database is away, for as long as the run is ours."""
        while True:
            try:
                return work()
            except DatabaseGoneError:
                if self._not_ours():
                    raise
                time.sleep(_FLUSH)


def start(run: Run, office: Office, sweep_only: bool = False) -> tuple[Wire, Child]:
    """Start the run's process and tell it what it is for. What else it writes goes to `<folder>/<run>.log`."""
    office.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wire, child = office.nursery.child(f"{run.id}/{run.mark}", office.folder / f"{run.id}.log")
    until = clock() + leftovers.RUN_SECONDS + 1 if sweep_only else office.lease.until
    wire.send(
        {
            "run": run.id, "kind": run.kind, "args": run.args, "world": run.world, "who": run.who, "reason": run.reason,
            "token": run.token, "mark": run.mark, "locks": run.locks, "sweep": sweep_only, "until": until,
        }
    )  # fmt: skip
    return wire, child


def sweep(run: Run, office: Office) -> None:
    """End what a run that is over left running on its hosts; in a process of its own, which may enter a twin."""
    if not any(name.startswith("host:") for name in run.locks):
        return
    try:
        wire, child = start(run, office, sweep_only=True)
    except (OpsError, OSError):
        return
    until = time.monotonic() + leftovers.RUN_SECONDS + 1
    try:
        while (messages := wire.read(_FLUSH)) is not None and time.monotonic() < until:
            if any("verdict" in message for message in messages):
                break
    finally:
        end(child, run, orderly=True)
        wire.close()


def end(child: Child, run: Run, orderly: bool, alone: bool = False) -> None:
    """Its end, and that of everything it started; not of what another attempt, that may live already, has.

    `alone`: it has seen to it itself that nothing it started is left.
    """
    ended = orderly and child.ended(1.0)
    if not (ended and alone):
        leftovers.end_here(run.mark)
    child.kill()
    child.ended(1.0)
    child.close()


def _error(what: str, next_step: str, exit_code: int) -> dict[str, Any]:
    return {"what": what, "next_step": next_step, "exit_code": exit_code}
