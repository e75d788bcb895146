"""Network namespaces of this machine, by their name under /run/netns."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.errors import OpsError

RUN = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def enter(name: str) -> None:
    """Move the calling thread into namespace `name`. OpsError if it is missing or root is."""
    try:
        handle = os.open(RUN / name, os.O_RDONLY)
    except OSError as error:
        raise OpsError(f"network namespace {name}: {error.strerror}", "ops twin up") from None
    try:
        _setns(handle, name)
    finally:
        os.close(handle)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Be in namespace `name` for a while (this thread only): sockets opened here stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter(name)
        yield
    finally:
        _setns(home, "home")
        os.close(home)


def _setns(handle: int, name: str) -> None:
    if _libc.setns(handle, _CLONE_NEWNET) != 0:
        raise OpsError(f"network namespace {name}: {os.strerror(ctypes.get_errno())}", "run it as root")
