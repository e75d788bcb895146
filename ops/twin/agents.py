"""The process that answers for the twin's routers (SNMP, SSH); other namespaces and servers do without it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from ops.progress import Event, Progress, State
from ops.system import netns
from ops.twin import records
from ops.world import World, twin_state

_MODULE = "ops.twin.agent_process"
SNMP_PORT = 161
_GRACE = 5.0  # seconds between TERM and KILL


def start_agents(world: World, progress: Progress, remade: Collection[str] = ()) -> None:
    """Start the routers' agents, or wait until the running ones serve new routers; `remade`: namespaces made anew."""
    module = _module()
    if module is None:
        progress(Event("agents", "", State.SKIPPED, f"{_MODULE} is not there"))
        return
    routers = records.read_network(world.state).get("routers", {})
    if remade:
        stop_agents(world.name)  # they still hold sockets in the namespaces that are gone
    state = State.OK if pid(world) else State.CHANGED
    if state is State.CHANGED:
        module.start(world)
    deaf = _wait_served({name: at["namespace"] for name, at in routers.items()})
    if deaf:
        state = State.FAILED
    silent = f", but none on {', '.join(deaf)} (see {world.state / 'agents.log'})" if deaf else ""
    progress(Event("agents", "", state, f"process {pid(world)} answers for {len(routers) - len(deaf)} routers{silent}"))


def _wait_served(namespaces: dict[str, str]) -> list[str]:
    """Routers on which nobody answers SNMP after a while."""
    end = time.monotonic() + _GRACE
    deaf = sorted(namespaces)
    while deaf and time.monotonic() < end:
        deaf = [name for name in deaf if not netns.listens(namespaces[name], SNMP_PORT)]
        if deaf:
            time.sleep(0.1)
    return deaf


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
