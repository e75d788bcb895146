"""The process that answers for the twin's routers (SNMP, SSH); other namespaces and servers do without it."""

from __future__ import annotations

import importlib
import importlib.util
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
    pid = module.start(world)
    progress(Event("agents", "", State.CHANGED, f"process {pid}"))


def stop_agents(name: str) -> None:
    """End them. A twin that never came up has none."""
    module = _module()
    try:
        world = attach(name)
    except OpsError:
        return
    if module is not None:
        module.stop(world)


def _module() -> ModuleType | None:
    if importlib.util.find_spec("ops.twin.agent_process") is None:
        return None
    return importlib.import_module("ops.twin.agent_process")
