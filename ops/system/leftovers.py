"""End what a run left running. Its processes carry the run's name in their environment, here and on the hosts."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from ops.errors import HostFailedError
from ops.system import hidden, marked
from ops.system.ssh import Fleet, Remote

MARK = marked.MARK
GRACE = 2.0  # seconds between TERM and KILL
RUN_SECONDS = 8.0  # for a whole run, here and on its hosts
UNWIND = 4.0  # of them: for its own process to put things in order
HOST_GRACE = 4.0  # seconds between TERM and KILL on a host, where a restic takes its lock away
_BESIDE = 1.5  # seconds that asking a host takes beside the time of grace there


@dataclass(frozen=True)
class Ended:
    """How many processes were ended `here` and, by host, `there`; which hosts did not answer in time (`silent`).

    `left`: host (or "" for this machine) → processes that outlived KILL: they hang in their kernel.
    """

    here: int = 0
    there: Mapping[str, int] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    left: Mapping[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing of the run can be running anywhere any more."""
        return not self.silent and not self.left


def end_here(run: str, but: Iterable[int] = (), grace: float = GRACE) -> int:
    """End the run's processes on this machine: TERM, `grace` seconds, KILL. How many there were.

    Never the calling process, those that it descends from, and the numbers in `but`. Then also what killed runs of
    Ansible hid in memory goes.
    """
    return _here(run, but, grace)[0]


def end_there(run: str, fleet: Fleet, hosts: Iterable[str], seconds: float = 6.0) -> Ended:
    """End the run's processes on hosts, all at once, within so many seconds. The calling thread's network is used."""
    return _Sweep(run, fleet, hosts, seconds).collect()


def end_run(run: str, fleet: Fleet | None, hosts: Sequence[str], but: Iterable[int] = ()) -> Ended:
    """End all of a run, whatever became of its process, within RUN_SECONDS.

    First here (its own process may put things in order meanwhile, also on hosts), then what is left on the hosts: when
    nothing can start there any more. The connections are opened in the meantime.
    """
    sweep = _Sweep(run, fleet, hosts, RUN_SECONDS, wait=True) if fleet else None
    here, left = _here(run, but, UNWIND)
    there = sweep.collect() if sweep else Ended()
    return Ended(here, there.there, there.silent, {**there.left, **({"": left} if left else {})})


def _here(run: str, but: Iterable[int], grace: float) -> tuple[int, int]:
    try:
        return marked.end(run, grace, but)
    finally:
        hidden.forget_dead()


class _Sweep:
    """One thread a host. None is waited for beyond the end: a host that is gone may take its time to be so."""

    def __init__(self, run: str, fleet: Fleet, hosts: Iterable[str], seconds: float, wait: bool = False) -> None:
        self._run, self._until = run, time.monotonic() + seconds
        self._go = threading.Event()
        self._answers: SimpleQueue[tuple[str, int, int]] = SimpleQueue()
        # in a world without servers their programs ran here
        self._names = set() if fleet.absent else set(hosts) & set(fleet.logins)
        if not wait:
            self._go.set()
        for name in self._names:
            threading.Thread(target=self._one, args=(fleet.on(name),), name=f"end {name}", daemon=True).start()

    def _one(self, host: Remote) -> None:
        for _ in range(2):  # a connection that was kept may be dead without our knowing
            with contextlib.suppress(HostFailedError):
                host.connect()
                self._go.wait()
                left = self._until - time.monotonic()
                grace = min(max(0.0, left - _BESIDE), HOST_GRACE)
                self._answers.put((host.name, *host.end(self._run, grace, left)))
                return

    def collect(self) -> Ended:
        self._go.set()
        found: dict[str, tuple[int, int]] = {}
        while len(found) < len(self._names):
            try:
                name, *counted = self._answers.get(timeout=max(0.0, self._until - time.monotonic()))
            except Empty:
                break
            found[name] = (counted[0], counted[1])
        there = {name: ended for name, (ended, _) in sorted(found.items())}
        left = {name: alive for name, (_, alive) in sorted(found.items()) if alive}
        return Ended(0, there, tuple(sorted(self._names - set(there))), left)
