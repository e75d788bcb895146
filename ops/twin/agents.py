"""The process that answers for the twin's routers (SNMP, SSH); other namespaces and servers do without it."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from ops.errors import OpsError
from ops.progress import Event, Progress, State
from ops.world import World, attach


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
    """End them. A twin that never came up has none."""
    module = _module()
    try:
        world = attach(name)
    except OpsError:
        return
    if module is not None:
        module.stop(world)


def pid(world: World) -> int:
    """The process id of the running agents, 0 when there are none."""
    note = world.state / "agents.pid"
    try:
        found = int(note.read_text(encoding="ascii"))
        return found if b"agent_process" in Path(f"/proc/{found}/cmdline").read_bytes() else 0
    except (OSError, ValueError):
        return 0


def _module() -> ModuleType | None:
    if importlib.util.find_spec("ops.twin.agent_process") is None:
        return None
    return importlib.import_module("ops.twin.agent_process")
