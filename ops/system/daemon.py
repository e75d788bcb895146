"""Processes that outlive the command that started them: pid and log files in a folder, ended by pid.

`<folder>/run/<name>.pid` holds pid and start time, so that a pid given to another process meanwhile is never ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def start(folder: Path, name: str, argv: Sequence[str]) -> int:
    """Start `argv` in a session of its own, output to `<folder>/run/<name>.log`. Returns its pid."""
    run = folder / "run"
    run.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (run / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, close_fds=True
        )
    # nobody waits for it here: whoever ends it (`stop`) or init reaps it
    child.returncode = 0
    (run / f"{name}.pid").write_text(f"{child.pid} {_started(child.pid)}\n", encoding="ascii")
    return child.pid


def alive(folder: Path, name: str) -> bool:
    """Whether the process recorded under `name` still runs."""
    return _pid(folder, name) is not None


def pid_of(folder: Path, name: str) -> int | None:
    """Its pid while it runs."""
    return _pid(folder, name)


def stop(folder: Path, name: str, grace: float = 5.0) -> None:
    """TERM, then KILL after `grace` seconds; forgets the pid file. Nothing happens if it does not run."""
    pid = _pid(folder, name)
    for sent in (signal.SIGTERM, signal.SIGKILL) if pid else ():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid or 0, sent)
        end = time.monotonic() + grace
        while _pid(folder, name) and time.monotonic() < end:
            time.sleep(0.05)
        if not _pid(folder, name):
            break
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid or 0, os.WNOHANG)  # ours if this process started it; else init's
    (folder / "run" / f"{name}.pid").unlink(missing_ok=True)


def stop_all(folder: Path) -> list[str]:
    """End every process recorded in the folder; returns their names."""
    names = sorted(path.stem for path in (folder / "run").glob("*.pid"))
    for name in names:
        stop(folder, name)
    return names


def last_line(folder: Path, name: str) -> str:
    """The last line that the process wrote."""
    with contextlib.suppress(OSError):
        lines = (folder / "run" / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "no output"
    return "no output"


def _pid(folder: Path, name: str) -> int | None:
    try:
        pid, started = (folder / "run" / f"{name}.pid").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(pid) if _started(int(pid)) == started else None


def _started(pid: int) -> str:
    """Start time in clock ticks since boot (proc(5), field 22); empty if there is no such process or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
