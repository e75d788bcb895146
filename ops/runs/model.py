"""What a job is, what one run of it is, and what it left. Nothing here knows the database or any kind of job."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from ops.errors import OpsError
from ops.system.database import Row

if TYPE_CHECKING:
    from ops.runs.inside import Inside
    from ops.world import World

Args = Mapping[str, Any]  # what a run is asked for: JSON values only, never a secret
HOURS = 3600.0


def named(args: Args, name: str) -> tuple[str, ...]:
    """The things that an argument names; one alone may be said without a list (schedules.yml, command line)."""
    said = args.get(name) or ()
    return (said,) if isinstance(said, str) else tuple(said)


class RunState(StrEnum):
    HELD = "held"  # a second person must agree
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # the second person did not agree

    @property
    def ended(self) -> bool:
        return self not in (RunState.HELD, RunState.WAITING, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run concerns. `locks`: names that no two runs hold at once (`host:dc-db`, `router:…`, `world`)."""

    opds: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a flow left. `result`: JSON values. `error`: why the run counts as failed all the same."""

    result: Mapping[str, Any]
    error: OpsError | None = None


Flow = Callable[["Inside"], Verdict]


@dataclass(frozen=True)
class Job:
    """One kind of job. `flow` runs in a process of its own; what it must not repeat stands in a step of its own.

    `takes`: names of the arguments it knows. `timeout`: seconds for one attempt. `attempts`: how often it is begun at
    most when it fails (a crash is no failure: it goes on where it was). `version` grows only when the steps' names or
    outputs change their meaning; workers take the versions in `accepts` too. `changes`: whether it changes live
    services, so that windows and freezes bind it. `hold`: why a second person must agree first; "" for most.
    """

    kind: str
    help: str
    flow: Flow
    scope: Callable[[World, Args], Scope]
    takes: tuple[str, ...] = ()
    timeout: float = 6 * HOURS
    attempts: int = 1
    priority: int = 5  # 0 first
    version: int = 1
    accepts: tuple[int, ...] = ()
    changes: bool = False
    hold: Callable[[World, Args], str] = lambda _world, _args: ""

    @property
    def versions(self) -> tuple[int, ...]:
        return (self.version, *self.accepts)


class Keep(Protocol):
    """Makes a checkpoint of a piece of work, by its name: `Inside.step`, or `at_once` where there is no run."""

    def __call__(self, name: str, work: Callable[[], dict[str, Any]], /) -> dict[str, Any]: ...


def at_once(_name: str, work: Callable[[], dict[str, Any]], /) -> dict[str, Any]:
    """No checkpoint."""
    return work()


def job(kind: str, help: str, **options: Any) -> Callable[[Flow], Job]:  # noqa: A002 # argparse's word for it
    """Decorator: the function below is the flow of a job of this kind. Options are the fields of `Job`."""
    return lambda flow: Job(kind, help, flow, **options)


@dataclass(frozen=True, slots=True)
class Order:
    """A run that is asked for. `who` asks, `reason` and `plan` (a checksum) say why; `tick` makes it unique."""

    kind: str
    args: Args
    who: str
    reason: str = ""
    plan: str = ""
    due: float | None = None  # seconds since the epoch; None: at once
    tick: str | None = None
    pin: str | None = None  # the only executor that may take it
    retry_of: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it stands in the database. Times are seconds since the epoch."""

    id: str
    kind: str
    version: int
    args: Args
    world: Mapping[str, Any]
    state: RunState
    created: float
    due: float
    started: float | None
    ended: float | None
    who: str
    reason: str
    plan: str
    tick: str | None
    owner: str | None
    token: int
    attempt: int
    attempts: int
    timeout: float
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None  # what, next_step, exit_code
    cancel_by: str | None
    retry_of: str | None
    hold: str | None
    pin: str | None = None
    locks: tuple[str, ...] = field(default=())

    @property
    def mark(self) -> str:
        """What the processes of this attempt are marked with, beside the run's id. All marks have the same length."""
        return f"{self.id}.{self.token:06d}"

    @classmethod
    def of(cls, row: Row) -> Run:
        decoded = {name: json.loads(row[name]) if row[name] else None for name in ("args", "world", "result", "error")}
        kept = {name: row[name] for name in cls.__slots__ if name in row and name not in decoded}
        locks = tuple(filter(None, str(row.get("locks") or "").split("\n")))
        return cls(**{**kept, **decoded, "state": RunState(row["state"]), "locks": locks})


def kinds(jobs: Iterable[Job]) -> dict[str, Job]:
    return {one.kind: one for one in jobs}
