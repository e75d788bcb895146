"""A file that lies on a web server until it was fetched once. Runs on that server; standard library only."""

from __future__ import annotations

import grp
import os
import time
from pathlib import Path

_LOOK = 0.2  # seconds between looks at whether it was read


def offer(folder: str, name: str, content: str, seconds: float, group: str = "www-data") -> bool:
    """Whether `folder/name` was read within `seconds`; it is gone in either case.

    By the time of its last access: set to long ago, any file system that keeps such times (relatime too) moves it.
    """
    place = Path(folder)
    place.mkdir(mode=0o750, exist_ok=True)
    path = place / name
    owner = grp.getgrnam(group).gr_gid
    os.chown(place, -1, owner)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        os.chown(path, -1, owner)
        os.utime(path, (0, time.time()))
        end = time.monotonic() + seconds
        while path.stat().st_atime == 0:
            if time.monotonic() > end:
                return False
            time.sleep(_LOOK)
        return True
    finally:
        path.unlink()
