"""End what a run left running. Its processes carry the run's name in their environment, here and on the hosts."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from ops.errors import HostFailedError
from ops.system.process import Ask, Exec, Local
from ops.system.ssh import Fleet

MARK = "OPS_RUN_ID"
_SECONDS = 20.0

# Runs on this machine and on the hosts: TERM, two seconds of grace, KILL; prints how many it ended.
_SCRIPT = """
import os, signal, sys, time
mark = sys.argv[1].encode()
def marked():
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read().split(b"\\0"):
                        yield int(name)
            except OSError:
                pass
found = set()
for sent, rounds in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
    for _ in range(rounds):
        pids = list(marked())
        for pid in set(pids) - (found if sent == signal.SIGTERM else set()):
            try:
                os.kill(pid, sent)
            except OSError:
                pass
        found.update(pids)
        if not pids:
            break
        time.sleep(0.1)
print(len(found))
"""


def end_here(run: str) -> int:
    """End the run's processes on this machine; how many there were."""
    return _end(Local(), run)


def end_there(run: str, fleet: Fleet, hosts: Iterable[str]) -> dict[str, int]:
    """End the run's processes on hosts, all at once; how many there were. A host that is gone is left out."""
    names = sorted(set(hosts) & set(fleet.logins))
    with ThreadPoolExecutor(max_workers=16) as pool:
        ended = list(pool.map(lambda name: _try(fleet, name, run), names))
    return {name: count for name, count in zip(names, ended, strict=True) if count is not None}


def _try(fleet: Fleet, name: str, run: str) -> int | None:
    try:
        return _end(fleet.on(name), run)
    except HostFailedError:
        return None


def _end(where: Exec, run: str) -> int:
    done = where.run(["python3", "-I", "-", f"{MARK}={run}"], Ask(input=_SCRIPT, timeout=_SECONDS))
    return int(done.out) if done.ok else 0
