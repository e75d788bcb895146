"""The process that answers for the twin's routers (SNMP, SSH); other namespaces and servers do without it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from ops.progress import Event, Progress, State
from ops.world import World, twin_state

_MODULE = "ops.twin.agent_process"
_GRACE = 5.0  # seconds between TERM and KILL


def start_agents(world: World, progress: Progress) -> None:
    """Start the routers' agents, or let the running ones see new routers."""
    module = _module()
    if module is None:
        progress(Event("agents", "", State.SKIPPED, "ops.twin.agent_process is not there"))
        return
    if running := pid(world):  # they read network.json again by themselves
        progress(Event("agents", "", State.OK, f"process {running}"))
        return
    progress(Event("agents", "", State.CHANGED, f"process {module.start(world)}"))


def stop_agents(name: str) -> None:
    """End them, also those of an `up` that was killed before it could note their process id."""
    state = twin_state(name).resolve()
    for sent in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + _GRACE
        while (found := _running(state)) and time.monotonic() < end:
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, sent)
            time.sleep(0.05)


def _running(state: Path) -> list[int]:
    """Agent processes that serve this very state folder: `python -m ops.twin.agent_process <state>`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if words[1:4] == [b"-m", _MODULE.encode(), os.fsencode(state)]:
                found.append(int(path.parts[2]))
    return found


def pid(world: World) -> int:
    """The process id of the running agents, 0 when there are none."""
    return next(iter(_running(world.state.resolve())), 0)


def _module() -> ModuleType | None:
    if importlib.util.find_spec(_MODULE) is None:
        return None
    return importlib.import_module(_MODULE)
