"""What the machine that a drill restores on is: asked there, before anything is written. Standard library only."""

# ruff: noqa: PTH208 # as the other modules that run on hosts
from __future__ import annotations

import os
import platform
import shutil
from typing import Any


def standing(*, folder: str, sets: str, units: list[str]) -> dict[str, Any]:
    """{hostname, free (bytes), names, sets: declarations of backup sets that lie there, units: services enabled}.

    `names`: files that may yet be made there; -1 on a disk without such a limit.
    """
    while not os.path.isdir(folder):  # noqa: PTH112
        folder = os.path.dirname(folder)  # noqa: PTH120
    found = sorted(name for name in _inside(sets) if name.endswith(".json"))
    wants = "/etc/systemd/system/multi-user.target.wants"
    enabled = sorted(set(units) & set(_inside(wants)))
    disk = os.statvfs(folder)
    names = disk.f_favail if disk.f_files else -1
    free = shutil.disk_usage(folder).free
    return {"hostname": platform.node(), "free": free, "names": names, "sets": found, "units": enabled}


def _inside(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
