"""The processes of a run on the machine where this runs: found by their mark, and ended. It is also sent to hosts.

Standard library only. A mark is an environment variable; its value names the runs that a process belongs to, outermost
first, joined by "/": a run within a run can be ended alone, or with the one around it. What descends from a marked
process belongs to it too: some programs clear or overwrite their environment.
"""

# ruff: noqa: PTH123, PTH208, PTH116 # short, and the same on any Python that a host may have
from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

MARK = "OPS_RUN_ID"
KILL_SECONDS = 1.0  # a killed process is gone at once, unless the kernel itself waits for a disk
_LOOK = 0.05
_GONE = "ZX"  # states of processes that have ended and wait for their parent to notice


@dataclass(frozen=True)
class Process:
    """`started` in clock ticks since boot: a number that the kernel gives anew is another process."""

    pid: int
    started: str
    parent: int = field(compare=False)  # another one, once its own has ended


def value(own: str) -> str:
    """The mark of something that this process starts: what it belongs to itself, then `own`."""
    return "/".join(filter(None, (os.environ.get(MARK, ""), own)))


def end(run: str, grace: float, but: Iterable[int] = ()) -> tuple[int, int]:
    """TERM to the processes of a run, KILL to those that are there after `grace` seconds: (found, outlived).

    Spared are the process that calls, those that it descends from, and the numbers in `but`. A process that starts
    after the TERM puts something in order: it has the rest of the time of grace. ValueError for what is no run's name.
    """
    if not run or "/" in run:
        raise ValueError(f"{run!r} is not the name of a run")
    spared = {*but, *_lineage(os.getpid())}
    found: set[Process] = set()

    def living() -> set[Process]:
        left: set[Process] = set()
        for pause in (_LOOK / 5, 0):
            if first := _bearers(run) | found:
                left = {one for one in _members(first, _all()) if one.pid not in spared}
            if left:
                break
            time.sleep(pause)  # and look again: one that just becomes another program shows no mark for a moment
        found.update(left)
        return left

    left = living()
    _send(left, signal.SIGTERM)
    until = time.monotonic() + grace
    while left and time.monotonic() < until:
        time.sleep(_LOOK)
        left = living()
    until = time.monotonic() + KILL_SECONDS
    while left and time.monotonic() < until:
        _send(left, signal.SIGKILL)
        time.sleep(_LOOK / 5)
        left = living()
    return len(found), len(left)


def titled(title: str) -> list[int]:
    """Numbers of the processes whose command line begins like that: a program may write a title over all else."""
    wanted = title.encode()
    return [pid for pid in _numbers() if _read(pid, "cmdline").startswith(wanted)]


def started(pid: int) -> str:
    """When a process started, in clock ticks since boot; empty if it does not live."""
    one = _look(pid)
    return one.started if one else ""


def _bearers(run: str) -> set[Process]:
    """Those that bear the mark, and stand in the file system of this machine. Another one's is a twin's server's."""
    here = _root(os.getpid())
    bearing = (pid for pid in _numbers() if run in _runs(pid) and _root(pid) == here)
    return {one for pid in bearing if (one := _look(pid))}


def _members(first: Iterable[Process], now: Mapping[int, Process]) -> set[Process]:
    """Those of the first that live, and all that descend from them."""
    children: dict[int, list[Process]] = {}
    for one in now.values():
        children.setdefault(one.parent, []).append(one)
    waiting = [one for one in first if now.get(one.pid) == one]
    members: set[Process] = set()
    while waiting:
        one = waiting.pop()
        if one not in members:
            members.add(one)
            waiting += children.get(one.pid, ())
    return members


def _runs(pid: int) -> list[str]:
    """The runs that a process is marked with."""
    wanted = f"{MARK}=".encode()
    environment = _read(pid, "environ")
    for word in environment.split(b"\0") if wanted in environment else ():
        if word.startswith(wanted):
            return word[len(wanted) :].decode(errors="replace").split("/")
    return []


def _root(pid: int) -> tuple[int, int] | None:
    """Which file system a process stands in."""
    try:
        found = os.stat(f"/proc/{pid}/root")
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _all() -> dict[int, Process]:
    """Every living process by its number."""
    return {pid: one for pid in _numbers() if (one := _look(pid))}


def _look(pid: int) -> Process | None:
    fields = _read(pid, "stat").rpartition(b")")[2].decode().split()  # a program's name may hold anything
    return Process(pid, fields[19], int(fields[1])) if fields and fields[0] not in _GONE else None


def _lineage(pid: int) -> Iterator[int]:
    while one := _look(pid):
        yield pid
        pid = one.parent


def _numbers() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    """A file of a process; empty when it is gone or not ours to read."""
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _send(processes: Iterable[Process], sent: signal.Signals) -> None:
    """The oldest first: who sees its child end before it is told itself would go on with the next."""
    for one in sorted(processes, key=lambda one: (int(one.started), one.pid)):
        try:
            os.kill(one.pid, sent)
        except OSError:
            continue


if __name__ == "__main__":
    sys.stdout.write("{} {}\n".format(*end(sys.argv[1], float(sys.argv[2]))))
