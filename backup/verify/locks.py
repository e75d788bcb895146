"""Whose lock lies on a repository: somebody at work, or a process that died. No lock is ever taken away here."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backup.restic import QUICK, Restic
from backup.verify.verdict import Fault, Finding

STALE = 30 * 60.0  # seconds: restic refreshes a lock every five minutes and takes older ones for stale
AHEAD = 5 * 60.0  # seconds that another host's clock may be ahead
READ = 20  # locks that are read, a restic process each


@dataclass(frozen=True)
class Locked:
    """`waiting`: an exclusive lock of a living process."""

    waiting: bool
    findings: tuple[Finding, ...]


def look(restic: Restic, names: Sequence[str], now: float) -> Locked:
    """Read these locks and judge them at `now` (epoch seconds)."""
    told = [lock for name in names[:READ] if (lock := _read(restic, name))]
    return judge(told, now, lives)


def judge(told: Sequence[Mapping[str, Any]], now: float, lives: Any) -> Locked:
    """`told`: locks as restic tells them · `lives`: whether a process of this host lives, by its number."""
    waiting, findings = False, []
    for lock in told:
        age = now - when(lock["time"])
        kind = "exclusive" if lock.get("exclusive") else "shared"
        what = f"{kind} lock of {lock.get('hostname')}, process {lock.get('pid')}, {age:.0f} s old"
        dead = lock.get("hostname") == platform.node() and not lives(int(lock.get("pid", 0)))
        if dead or not -AHEAD <= age <= STALE:
            why = "its process is dead" if dead else "nobody refreshed it"
            findings.append(Finding(Fault.LOCK, f"stale {what}: {why}; `restic unlock` when its owner is known dead"))
        else:
            waiting = waiting or bool(lock.get("exclusive"))
            findings.append(Finding(Fault.NONE, f"live {what}: left alone"))
    return Locked(waiting, tuple(findings))


def when(text: str) -> float:
    """restic's time (RFC 3339, up to nine digits of a second) as epoch seconds."""
    return datetime.fromisoformat(text).timestamp()


def _read(restic: Restic, name: str) -> dict[str, Any] | None:
    done = restic.ask(["cat", "lock", name, "--no-lock"], QUICK)
    if done["code"] != 0:  # given back meanwhile
        return None
    found = json.loads(done["out"])
    return found if isinstance(found, dict) else None


def lives(pid: int) -> bool:
    return pid > 0 and os.path.exists(f"/proc/{pid}")  # noqa: PTH110 # one question to the kernel
