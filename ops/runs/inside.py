"""The inside of a run's process: what a flow sees of its run. It has no database: it asks its worker over the wire.

The process ends itself, with everything it started, when its worker is gone or may no longer own the run.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from queue import SimpleQueue
from types import FrameType
from typing import Any, NoReturn, TypeVar

from ops import world as worlds
from ops.errors import InventoryInvalidError, OpsError, RefusedError
from ops.progress import Event
from ops.runs.leases import GIVE_UP, clock
from ops.runs.model import Args, Job, Verdict
from ops.runs.windows import may_change
from ops.system import leftovers, nursery
from ops.system.database import plain
from ops.system.wire import Message, Wire

TRACEBACK = "traceback"  # key of a result: where a bug is
ABANDONED = 75  # exit code: the worker is gone
_LOOK = 0.5  # seconds between looks at whether the worker lives
T = TypeVar("T")


class Inside:
    """What a flow works with. `key` of a step marks what it leaves outside, so that a repeated one finds it."""

    def __init__(self, wire: Wire, told: Message) -> None:
        self.id: str = told["run"]
        self.args: Args = told["args"]
        self.who: str = told["who"]
        self.reason: str = told["reason"]
        self.again: bool = told["token"] > 1
        self._mark: str = told["mark"]
        self.hosts = tuple(name.partition(":")[2] for name in told["locks"] if name.startswith("host:"))
        self.world = worlds.named(told["world"].get("twin"), told["world"].get("inventory"))
        self.world.secrets  # noqa: B018 # reads them: without, nothing that is told can be freed of them
        self._wire = wire
        self._answers: dict[int, SimpleQueue[Message]] = {}
        self._asked = 0
        self._lock = threading.Lock()
        self._until: float = told["until"]

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Do `work` unless a step of this name has ended in this run already; its output (JSON values) either way.

        A process that dies between the work and its checkpoint repeats the work: it must bear that, or look first
        whether `key(name)` is there.
        """
        answer = self._ask({"begin": name})
        if answer["kept"]:
            return answer["output"]  # type: ignore[no-any-return] # what `work` gave then
        output = self._clean(work())
        self._ask({"end": name, "output": output})
        return output  # type: ignore[no-any-return]

    def part(self, name: str, work: Callable[[], Verdict]) -> Verdict:
        """As `step`, for work that may fail and yet have a result: it is kept only when it did not fail."""
        failed: list[Verdict] = []

        def whole() -> Mapping[str, Any]:
            verdict = work()
            if verdict.error:
                failed.append(verdict)
                raise verdict.error
            return verdict.result

        try:
            return Verdict(self.step(name, whole))
        except OpsError:
            if failed:
                return failed[0]
            raise

    def results(self, kind: str, since: float) -> list[dict[str, Any]]:
        """What runs of a kind that ended since then (seconds since the epoch) left, oldest first."""
        found: list[dict[str, Any]] = self._ask({"results": kind, "since": since})["found"]
        return found

    def key(self, name: str) -> str:
        """The idempotency key of a step: the same in every attempt."""
        return f"{self.id}/{name}"

    def progress(self, event: Event) -> None:
        """A `Progress` for everything that takes one."""
        self._wire.send({"event": self._clean([event.step, event.on, event.state, event.text])})

    def subject(self, kind: str, name: str, state: str, text: str = "") -> None:
        """How it went for one office (`opd`) or host (`host`)."""
        self._wire.send({"subject": self._clean([kind, name, state, text])})

    def scrub(self, text: str) -> str:
        return self.world.secrets.scrub(text)

    def postponed(self, job: Job) -> bool:
        """Whether it is not the time for changes; the run waits for it then, or fails when no time comes."""
        if self.world.rehearsal or self.args.get("insists"):
            return False
        opds = job.scope(self.world, self.args).opds
        allowed = may_change(self.world.region, opds, datetime.now(UTC))
        if not allowed.ok and allowed.opens:
            self._wire.send({"postpone": allowed.opens.timestamp(), "why": allowed.why})
        elif not allowed.ok:
            self.verdict(Verdict({}, RefusedError(f"not the time for changes: {allowed.why}", "no window comes soon")))
        return not allowed.ok

    def sweep(self) -> None:
        """End what earlier attempts of this run have left running, here and on the hosts it holds."""
        leftovers.end_run(self.id, self.world.fleet if self.hosts else None, self.hosts, but=[os.getpid()])

    def listen(self) -> NoReturn:
        """Hear the worker (a thread of its own). When it is gone or may not own the run any more, end all of this."""
        while True:
            messages = self._wire.read(_LOOK)
            for message in messages or ():
                if "answer" in message:
                    self._answers.pop(message["answer"]).put(message)
                self._until = message.get("until", self._until)
            if messages is None or clock() >= self._until:
                self._abandon()

    def _abandon(self) -> NoReturn:
        """Nothing more is done from here on: this process ends at once, a copy of it ends what it has started."""
        if os.fork() == 0:
            leftovers.end_here(self._mark, but=[os.getpid()])
        os._exit(ABANDONED)

    def _ask(self, message: Message) -> Message:
        answer: SimpleQueue[Message] = SimpleQueue()
        with self._lock:
            self._asked += 1
            number = self._asked
            self._answers[number] = answer
        self._wire.send({**message, "number": number})
        return answer.get()

    def _clean(self, value: Any) -> Any:
        """As JSON values, and without any secret, however deep."""
        return self._scrubbed(json.loads(json.dumps(value, default=str)))

    def _scrubbed(self, value: Any) -> Any:
        if isinstance(value, str):
            return plain(self.scrub(value))
        if isinstance(value, list):
            return [self._scrubbed(one) for one in value]
        if isinstance(value, dict):
            return {self.scrub(name): self._scrubbed(one) for name, one in value.items()}
        return value

    def verdict(self, verdict: Verdict, interrupted: bool = False) -> None:
        error = explained(verdict.error, self.scrub) if verdict.error else None
        told = {"result": self._clean(dict(verdict.result)), "error": error, "interrupted": interrupted}
        self._wire.send({"verdict": {**told, "alone": nursery.alone()}})


def main(descriptor: int, find: Callable[[str], Job]) -> int:
    """The process that runs are copies of; `descriptor`: its end of the wire to the worker (`ops.system.nursery`)."""

    def load(wanted: list[str]) -> None:
        for kind in wanted:
            with suppress(OpsError, KeyError):  # its runs will say so
                find(kind)

    return nursery.serve(descriptor, load, lambda wire: begin(wire, find))


def begin(wire: Wire, find: Callable[[str], Job]) -> int:
    """A run's process from its beginning to its end."""
    told: Message = {}
    while not told:
        messages = wire.read(GIVE_UP)
        if not messages:
            return ABANDONED
        told = next((message for message in messages if "run" in message), {})
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        inside, job = _entered(wire, told, find)
    except OpsError as error:
        wire.send({"verdict": {"result": None, "error": explained(error, str), "interrupted": False, "alone": True}})
        return 0
    sys.stderr = sys.stdout = _Scrubbed(inside.scrub)  # tracebacks of threads may quote anything
    threading.Thread(target=inside.listen, name="worker", daemon=True).start()
    _work(inside, job, sweep_only=bool(told.get("sweep")))
    return 0


def _entered(wire: Wire, told: Message, find: Callable[[str], Job]) -> tuple[Inside, Job]:
    """OpsError when there is no such job, or its world cannot be entered."""
    try:
        inside, job = Inside(wire, told), find(told["kind"])
    except KeyError:
        raise OpsError(f"there is no job of the kind {told['kind']!r}") from None
    except OSError as error:
        raise OpsError(str(error)) from None
    inside.world.enter()
    return inside, job


def _work(inside: Inside, job: Job, sweep_only: bool) -> None:
    try:
        if verdict := _verdict(inside, job, sweep_only):
            inside.verdict(verdict)
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        inside.verdict(_unwound(inside), interrupted=True)


def _verdict(inside: Inside, job: Job, sweep_only: bool) -> Verdict | None:
    """How it went; None when it was postponed."""
    try:
        if inside.again or sweep_only:
            inside.sweep()
        if sweep_only:
            return Verdict({})
        if job.changes and inside.postponed(job):
            return None
        return job.flow(inside)
    except OpsError as error:
        return Verdict({}, error)
    except Exception as bug:  # noqa: BLE001 # the one handler of a run's bugs
        where = "".join(traceback.format_exception(bug)[-3:])
        what = f"this is a bug in ops: {type(bug).__name__}: {bug}"
        return Verdict({TRACEBACK: where}, OpsError(what, "report it with the run's result"))


def _unwound(inside: Inside) -> Verdict:
    """Cancelled: what the flow left running on hosts is ended too."""
    try:
        inside.sweep()
    except OpsError as error:
        return Verdict({}, OpsError(f"interrupted; its hosts could not be looked at: {error.what}", error.next_step))
    return Verdict({}, OpsError("interrupted"))


def explained(error: OpsError, scrub: Callable[[str], str]) -> Mapping[str, Any]:
    """An error as it is kept: what, next_step, exit_code."""
    what = error.what
    if isinstance(error, InventoryInvalidError):
        what += ": " + "; ".join(str(problem) for problem in error.problems[:5])
    return {"what": scrub(what), "next_step": scrub(error.next_step), "exit_code": error.exit_code}


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class _Scrubbed(io.TextIOBase):
    """Standard output and error without secrets."""

    def __init__(self, scrub: Callable[[str], str]) -> None:
        self._scrub = scrub

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        os.write(2, self._scrub(text).encode(errors="replace"))
        return len(text)
