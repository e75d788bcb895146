"""A long-running process that stays small: what is read and let go returns to the system (of glibc; else nothing)."""

from __future__ import annotations

import ctypes
import gc
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

T = TypeVar("T")

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h: M_…
_LARGE = 131_072  # bytes


def stay_small() -> None:
    """What is large is had from the system and returned to it at once; threads have no heaps of their own."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        for option, value in ((_TRIM_THRESHOLD, _LARGE), (_MMAP_THRESHOLD, _LARGE), (_ARENA_MAX, 1)):
            libc.mallopt(option, value)


def compact(make: Callable[[], T]) -> T:
    """What `make` makes, built anew when all that making it took has been let go: else both lie among each other."""
    raw = pickle.dumps(make(), pickle.HIGHEST_PROTOCOL)
    give_back()
    return cast("T", pickle.loads(raw))  # noqa: S301 # our own bytes of a moment ago


def give_back() -> None:
    """Return what is free to the system: after reading much of which little is kept."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
