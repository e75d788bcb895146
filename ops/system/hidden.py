"""Folders for what is secret: in memory, ours alone, gone afterwards, also when whoever made them was killed."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.errors import OpsError
from ops.system import marked
from ops.system.signals import uninterrupted

TRIES, PAUSE = 20, 0.05  # to remove a folder; seconds between
SOCKETS = "cp"  # folder below, for the sockets of SSH connections that are kept open


@contextmanager
def folder(name: str) -> Iterator[Path]:
    """A folder of the calling process, gone at the end together with the SSH connections kept in it."""
    parent = _memory()
    forget_dead()
    made = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-{marked.started(os.getpid())}-{name}-", dir=parent))
    try:
        yield made
    finally:
        with uninterrupted():  # a second Ctrl-C must not leave secrets behind
            _remove(made)


def forget_dead() -> None:
    """Remove the folders of processes that are gone."""
    parent = _place()
    for found in parent.iterdir() if _ours(parent) else ():
        pid, _, rest = found.name.partition("-")
        if pid.isdecimal() and marked.started(int(pid)) != rest.partition("-")[0]:
            _remove(found)


def _remove(found: Path) -> None:
    """A kept connection goes on without its Ansible, and without any mark: ssh writes its title over that."""
    for pid in marked.titled(f"ssh: {found / SOCKETS}/"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for _ in range(TRIES):  # a program that is about to end may write once more
        shutil.rmtree(found, ignore_errors=True)
        if not found.exists():
            return
        time.sleep(PAUSE)


def _memory() -> Path:
    """The place, made if need be. OpsError when it is not safe from others."""
    place = _place()
    place.mkdir(mode=0o700, exist_ok=True)
    if not _ours(place):
        raise OpsError(f"{place}: others may write there", f"remove {place}")
    return place


def _place() -> Path:
    """On tmpfs: /run for root, /dev/shm for everybody else."""
    return Path("/run/kominfo-ops-runs") if os.geteuid() == 0 else Path(f"/dev/shm/kominfo-ops-runs-{os.geteuid()}")  # noqa: S108


def _ours(place: Path) -> bool:
    try:
        found = place.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
