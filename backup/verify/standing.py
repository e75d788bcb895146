"""What the machine that a drill restores on is: asked there, before anything is written. Standard library only."""

# ruff: noqa: PTH208 # as the other modules that run on hosts
from __future__ import annotations

import os
import platform
import shutil
from typing import Any


def standing(*, folder: str, sets: str, units: list[str]) -> dict[str, Any]:
    """{hostname, free (bytes), sets: declarations of backup sets that lie there, units: services that are enabled}."""
    while not os.path.isdir(folder):  # noqa: PTH112
        folder = os.path.dirname(folder)  # noqa: PTH120
    found = sorted(name for name in _inside(sets) if name.endswith(".json"))
    wants = "/etc/systemd/system/multi-user.target.wants"
    enabled = sorted(set(units) & set(_inside(wants)))
    return {"hostname": platform.node(), "free": shutil.disk_usage(folder).free, "sets": found, "units": enabled}


def _inside(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
