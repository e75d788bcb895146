"""A process that has loaded what its children need, and makes each of them as a copy of itself.

Loading takes half a second of a core, a copy takes milliseconds and shares its memory. The nursery ends when the
process that started it does; its children do not.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from ops.errors import OpsError
from ops.system import marked
from ops.system.wire import Wire

_LOADING = 60.0  # seconds that it may take to answer
_REAP = 1.0  # seconds between looks at children that have ended, while there are some
_MOST = 1 << 16  # bytes of a request
_BLANK = "-"  # in its own mark, the sign that stands for each sign of its children's
MOST_MARK = 128  # signs
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)


class Child:
    """A process that the nursery made, in a session of its own. `started`: monotonic seconds."""

    def __init__(self, descriptor: int, pid: int) -> None:
        self.pid = pid
        self.started = time.monotonic()
        self._descriptor = descriptor  # of the process itself: a number may be given to another one
        self._looker = select.poll()
        self._looker.register(descriptor, select.POLLIN)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def ended(self, seconds: float) -> bool:
        """Whether it ends within `seconds`."""
        return bool(self._looker.poll(seconds * 1000))

    def close(self) -> None:
        os.close(self._descriptor)

    def _send(self, sent: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, sent)


class Nursery:
    """`module` is run as `python -m module DESCRIPTOR` and calls `serve`. `load`: what it is told to load first.

    A child's mark (`ops.system.marked`) may be as long as MOST_MARK.
    """

    def __init__(self, module: str, load: Sequence[str]) -> None:
        self._module, self._load = module, list(load)
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._asking = threading.Lock()

    def prepare(self) -> None:
        """Start it, so that it is ready when it is needed."""
        with self._asking:
            if self._control is None:
                self._start()

    def child(self, own: str, log: Path) -> tuple[Wire, Child]:
        """A new process with `own` in its mark. What it writes goes to the end of `log`. OpsError if there is none."""
        with self._asking:
            for _ in range(2):  # a nursery that was killed is replaced
                wire, theirs = Wire.pair()
                with theirs, open(log, "ab", opener=_private) as file:  # Path.open takes no opener
                    if child := self._ask(marked.value(own), [theirs.fileno(), file.fileno()]):
                        return wire, child
                wire.close()
        raise OpsError("no process for the run could be started", "is this machine out of memory or processes?")

    def close(self) -> None:
        """End it; its children live on."""
        with self._asking:
            self._end()

    def _ask(self, mark: str, descriptors: list[int]) -> Child | None:
        try:
            if self._control is None:
                self._start()
            assert self._control  # noqa: S101 # started above
            socket.send_fds(self._control, [mark.encode()], descriptors)
            told, made, _, _ = socket.recv_fds(self._control, _MOST, 1)
        except OSError:
            told, made = b"", []
        if not made:
            self._end()
            return None
        return Child(made[0], int(told))

    def _start(self) -> None:
        # every packet is one message: what came with it stays with it
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_LOADING)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, str(theirs.fileno())],
                stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=[theirs.fileno()],
                env={**os.environ, marked.MARK: marked.value(_BLANK * MOST_MARK)},
            )  # fmt: skip
        self._control.send(json.dumps(self._load).encode())

    def _end(self) -> None:
        if self._control:
            self._control.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


def serve(descriptor: int, load: Callable[[list[str]], None], work: Callable[[Wire], int]) -> int:
    """The nursery itself. Returns 0 when it is not needed any more; a child ends with what `work` returned."""
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker decides
    load([*json.loads(control.recv(_MOST) or b"[]")])
    _library()
    gc.collect()
    gc.freeze()  # what is there now is there for good: looking through it would copy its memory into every child
    looker = select.poll()
    looker.register(control, select.POLLIN)
    children = 0
    while True:
        if not looker.poll(_REAP * 1000 if children else None):
            children -= _reap()
            continue
        mark, descriptors, _, _ = socket.recv_fds(control, _MOST, 2)
        if not mark:
            return 0
        if (pid := os.fork()) == 0:
            control.close()
            _die(work(_born(mark.decode(), *descriptors)))
        children += 1
        _hand_over(control, pid, descriptors)


def _born(mark: str, wire: int, log: int) -> Wire:
    """What a copy does first: become a process of its own."""
    os.setsid()
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(log)
    _bear(mark)
    _library().prctl(_SUBREAPER, 1, 0, 0, 0)  # what its children leave behind becomes its own child
    return Wire.inherited(wire)


def alone() -> bool:
    """Whether everything that this process, a child of a nursery, has ever started has ended for sure."""
    _reap()
    try:
        found = [place.read_text() for place in Path("/proc/self/task").glob("*/children")]
    except OSError:  # a thread has just ended
        return False
    return bool(found) and not any(found)


def _die(code: int) -> NoReturn:
    """Without taking apart what is loaded: that takes longer than most work."""
    atexit._run_exitfuncs()  # noqa: SLF001 # temporary folders go
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _hand_over(control: socket.socket, pid: int, descriptors: list[int]) -> None:
    made = os.pidfd_open(pid)  # before it is reaped, so that the number is its own
    for descriptor in descriptors:
        os.close(descriptor)
    with suppress(OSError):
        socket.send_fds(control, [str(pid).encode()], [made])
    os.close(made)


def _reap() -> int:
    """How many children have ended."""
    reaped = 0
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            reaped += 1
    return reaped


def _bear(mark: str) -> None:
    """Show the mark as if this process had been started with it: others read it in /proc/<pid>/environ.

    That file shows the memory in which the environment stood when the program was started: it is written over.
    """
    library, ctypes = _library(), sys.modules["ctypes"]
    library.getenv.restype = ctypes.c_void_p
    place = library.getenv(marked.MARK.encode())
    room = len(ctypes.string_at(place))
    if len(mark) > room:
        raise ValueError(f"the mark {mark!r} is too long")
    ctypes.memmove(place, mark.encode("ascii").ljust(room, b"\0"), room)
    os.environ[marked.MARK] = mark


def _library() -> Any:
    """The C library. Loaded in the nursery only: the worker never needs it."""
    return importlib.import_module("ctypes").CDLL(None)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
