"""What a function writes, streamed into restic: it becomes a snapshot only when the function ended well.

`restic --stdin` would save whatever came before an accident. Here restic runs a command that reads our pipe and then
looks whether the function told its result; without one the command fails, and restic saves nothing.
"""

# names on hosts need not be text
from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

from backup.hostside import programs, restic_call

_READ = 'cat "$1" && head -c 8 "$2" | grep -q made'  # as `_told` begins
_ROOM = 1 << 20  # bytes that a pipe may hold at most without privileges
Produce = Callable[[int], dict[str, Any]]


def saved(call: Mapping[str, Any], produce: Produce) -> tuple[dict[str, Any], dict[str, Any]]:
    """(restic's end, what `produce` gave): it is called with the number of a file to write to, in a process of its own.

    `call` is what `restic_call.restic` takes. RuntimeError with the reason when `produce` failed.
    """
    told = os.memfd_create("told")
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _ROOM)
    child = os.fork()
    if child == 0:
        os.close(read)
        _produce(produce, write, told)
    os.close(write)  # else the reader would never see the end
    try:
        here = [f"/proc/{os.getpid()}/fd/{handle}" for handle in (read, told)]
        words = [*call["words"], "--stdin-from-command", "--", "sh", "-c", _READ, "sh", *here]
        done = restic_call.restic(**{**call, "words": words})
        os.lseek(told, 0, os.SEEK_SET)
        with open(told, encoding="utf-8", closefd=False) as text:
            said = json.loads(text.read() or "{}")
    finally:
        _end(child)
        os.close(read)
        os.close(told)
    if "failed" in said:
        raise RuntimeError(said["failed"])
    return done, said.get("made", {})


def _produce(produce: Produce, out: int, told: int) -> None:
    """Never returns. The result is written before the pipe's end is seen."""
    programs.die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        result: dict[str, Any] = {"made": produce(out)}
    except (RuntimeError, OSError, ValueError, KeyError, AssertionError) as error:
        result = {"failed": str(error) or type(error).__name__}
    with open(told, "w", encoding="utf-8", closefd=False) as text:
        json.dump(result, text)
    os.close(out)
    os._exit(0)


def _end(child: int) -> None:
    """It has ended by itself, unless restic did first; what it started ends with it."""
    if os.waitpid(child, os.WNOHANG) == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
