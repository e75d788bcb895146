"""Where the drill of the drill works at the station: one private folder of the state, with room enough, always emptied.

What is restored there is citizens' data: nobody else may look into it (mode 0700), and what a killed one left goes
away before the next begins.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.errors import OpsError

TIMES = 2  # the copy and what is planted in it; what is restored of it and what is changed for planting


@contextmanager
def alone(state: Path) -> Iterator[Path]:
    """An empty folder that is gone afterwards. OpsError when another one works there."""
    work = state / "inject" / "work"
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    work.chmod(0o700)
    with (state / "inject" / "work.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OpsError(f"{work}: another drill of the drill is at work", "wait for it: ops jobs list") from None
        _empty(work)
        with tempfile.TemporaryDirectory(dir=work) as name:
            yield Path(name)


def _empty(work: Path) -> None:
    for left in work.iterdir():
        shutil.rmtree(left, ignore_errors=True)
        if left.exists():
            raise OpsError(f"{left}: a killed drill of the drill left this, and it cannot be removed", "remove it")


def enough(folder: Path, repository: int, data: int) -> None:
    """OpsError unless there is room for a copy of so many bytes, and for so many bytes that are restored from it."""
    need, free = TIMES * (repository + data), shutil.disk_usage(folder).free
    if need > free:
        what = f"{folder}: {need} bytes are needed ({TIMES} x {repository} of the repository and {data} of the set)"
        raise OpsError(f"{what}, {free} are free", "make room there, or name a smaller set: ops drill inject --set")
