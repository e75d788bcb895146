"""A run of Ansible from its first line to its last: its record begins with what it is and ends with how it ended.

A run whose process was killed leaves no last line. The next one finds it, ends what it left running here, takes over
what its hosts are owed, and writes the line: so every run ends as done, failed, cancelled or interrupted.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ops.progress import silent
from ops.system import marked
from ops.system.ansible_handlers import Ledger
from ops.system.ansible_record import Record
from ops.system.leftovers import end_here

KEPT_RUNS = 50  # records of older runs are removed
_TAIL = 4096  # bytes at the end of a record that hold its last line


class RunEnd(StrEnum):
    DONE = "done"
    FAILED = "failed"  # on some host at least
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its process died


@dataclass(frozen=True, slots=True)
class Origin:
    """For whom a run is: the job that may go on where it was (""), and the digest of all that it was made from."""

    job: str = ""
    inputs: str = ""


def begin(state: Path, run: str, about: Mapping[str, Any]) -> Path:
    """The record of a new run, with its first line; older ones are removed."""
    folder = state / "runs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in sorted(folder.glob("*.jsonl"))[: -KEPT_RUNS + 1]:
        old.unlink(missing_ok=True)
    path = folder / f"{run}.jsonl"
    _append(path, {"run": run, **about, "process": _process()})
    return path


def conclude(record: Record, how: RunEnd, why: str = "") -> None:
    """The last line."""
    _append(record.path, {"end": how, "complete": record.complete, **({"why": why} if why else {})})


def settle(state: Path) -> list[str]:
    """End the runs of processes that are gone; the names of those runs."""
    settled = []
    for path in sorted((state / "runs").glob("*.jsonl")):
        head = _head(path)
        if not head or _ended(path) or _may_live(head["process"]):
            continue
        end_here(head["run"], grace=0.5)
        record = Record(path, silent).pump()
        take_over(state, record)
        conclude(record, RunEnd.INTERRUPTED)
        settled.append(str(head["run"]))
    return settled


def take_over(state: Path, record: Record) -> None:
    """Keep what a run left owing. One that only looked owes nothing."""
    if not record.head.get("check"):
        Ledger(state).settle(record.head["playbook"], record.owed, record.begun | set(record.hosts()))


def finished(state: Path, playbook: str, origin: Origin) -> set[str]:
    """Hosts on which earlier attempts of the same job, made from the same, have done all of the playbook."""
    found: set[str] = set()
    for path in sorted((state / "runs").glob("*.jsonl")) if origin.job else ():
        head = _head(path)
        if (head.get("playbook"), head.get("job"), head.get("inputs")) != (playbook, origin.job, origin.inputs):
            continue
        if not head.get("check"):
            record = Record(path, silent).pump()
            found = (found - record.begun) | record.finished()
    return found


def runs(state: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """First and last line of every record that is kept, oldest first; {} for a last one that is not there."""
    for path in sorted((state / "runs").glob("*.jsonl")):
        if head := _head(path):
            yield head, _ended(path)


def _head(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        line = file.readline()
    found = json.loads(line) if line.endswith(b"\n") else {}
    return found if "run" in found else {}


def _ended(path: Path) -> dict[str, Any]:
    """The last line, if it says how the run ended."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
    return dict(json.loads(last)) if last.startswith(b'{"end"') else {}


def _process() -> dict[str, Any]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return {"machine": _machine(), "boot": boot, "pid": os.getpid(), "started": marked.started(os.getpid())}


def _machine() -> str:
    try:
        return Path("/etc/machine-id").read_text("ascii").strip()
    except FileNotFoundError:
        return platform.node()


def _may_live(process: Mapping[str, Any]) -> bool:
    """Whether a process may be at work still; of one on another machine, that shares the folder, nothing is known."""
    own = _process()
    if process["machine"] != own["machine"]:
        return True
    return bool(process["boot"] == own["boot"] and marked.started(process["pid"]) == process["started"])


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """In one write, as the callback does."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, (json.dumps(line, ensure_ascii=False, default=str) + "\n").encode())
    finally:
        os.close(handle)
