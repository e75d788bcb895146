"""Threads that end with the one that waits for them: interrupted, what they run is ended, here and on hosts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


class _Mine(threading.local):
    stops: tuple[threading.Event, ...] = ()  # of its pool, and of the pools around that


_mine = _Mine()


@contextmanager
def pool(at_once: int, begin: Callable[[], None] | None = None) -> Iterator[ThreadPoolExecutor]:
    """A pool for work that runs programs. `begin` is called in each of its threads first.

    When the block is left by an exception (Ctrl-C, TERM), what waits is dropped and every program that one of the
    threads runs, or would start now, is ended: its `Exec.run` raises KeyboardInterrupt there.
    """
    stop = threading.Event()
    stops = (*_mine.stops, stop)

    def prepare() -> None:
        _mine.stops = stops
        if begin:
            begin()

    with ThreadPoolExecutor(at_once, initializer=prepare) as threads:
        try:
            yield threads
        except BaseException:
            stop.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def may_be_stopped() -> bool:
    """Whether the calling thread belongs to such a pool, and so must look again and again."""
    return bool(_mine.stops)


def stopped() -> bool:
    """Whether the calling thread should end."""
    return any(stop.is_set() for stop in _mine.stops)


def check() -> None:
    """KeyboardInterrupt when the calling thread should end."""
    if stopped():
        raise KeyboardInterrupt
