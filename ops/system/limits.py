"""Kernel limits that many systemd containers at once run into, raised while they are there."""

from __future__ import annotations

import json
from pathlib import Path

_SYS = Path("/proc/sys")
# Every systemd holds about a dozen inotify instances and all containers count as one user; the usual limit is 128.
WANTED = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 524_288}


def raise_limits(note: Path) -> list[str]:
    """Raise what is too low and leave the old values in `note`; what was raised, in words."""
    before: dict[str, int] = {}
    for name, wanted in WANTED.items():
        path = _SYS / name
        if path.exists() and (now := int(path.read_text(encoding="ascii"))) < wanted:
            before[name] = now
            path.write_text(f"{wanted}\n", encoding="ascii")
    if before:
        note.write_text(json.dumps(before) + "\n", encoding="utf-8")
    return [f"{name.replace('/', '.')} {old} → {WANTED[name]}" for name, old in before.items()]


def restore_limits(note: Path) -> None:
    """Put back what `raise_limits` noted."""
    if not note.exists():
        return
    for name, value in json.loads(note.read_text(encoding="utf-8")).items():
        (_SYS / name).write_text(f"{value}\n", encoding="ascii")
    note.unlink()
