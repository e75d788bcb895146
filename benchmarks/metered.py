"""CPU-seconds of everything that a piece of work starts, however it ends: counted by a control group of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_ROOTS = (("/sys/fs/cgroup/cpuacct", "cpuacct.usage", 1e9), ("/sys/fs/cgroup", "cpu.stat", 1e6))


@dataclass(frozen=True)
class Cost:
    cpu: float  # seconds, user and system
    wall: float
    load: float  # of the machine at the end


@contextmanager
def counted() -> Iterator[Callable[[Callable[[], object]], Cost]]:
    """Gives a function that runs a piece of work and tells its cost. This process joins the group meanwhile."""
    root, file, unit = next(one for one in _ROOTS if (Path(one[0]) / one[1]).exists())
    group = Path(root) / f"ops-benchmark-{os.getpid()}"
    group.mkdir()
    (group / "cgroup.procs").write_text(str(os.getpid()))

    def used() -> float:
        words = (group / file).read_text().split()
        return int(words[1] if words[0] == "usage_usec" else words[0]) / unit

    def cost(work: Callable[[], object]) -> Cost:
        before, begun = used(), time.monotonic()
        work()
        return Cost(used() - before, time.monotonic() - begun, os.getloadavg()[0])

    try:
        yield cost
    finally:
        (Path(root) / "cgroup.procs").write_text(str(os.getpid()))
        for _ in range(100):  # a server that was told to end may need a moment
            if not (group / "cgroup.procs").read_text():
                break
            time.sleep(0.1)
        with suppress(OSError):  # what a work that failed left running
            group.rmdir()


def told(rows: dict[str, Cost]) -> str:
    lines = [f"{'':44} {'CPU-s':>8} {'wall s':>8} {'load':>6}"]
    return "\n".join(
        lines + [f"{name:44} {one.cpu:8.2f} {one.wall:8.1f} {one.load:6.1f}" for name, one in rows.items()]
    )
