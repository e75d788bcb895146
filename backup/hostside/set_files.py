"""Back one folder up: canaries, what every file holds, restic, what moved meanwhile, how much changed since last."""

# ruff: noqa: PTH118, PTH123 # names on hosts need not be text
from __future__ import annotations

import os
import time
import zlib
from collections.abc import Mapping
from typing import Any

from backup.hostside import canaries, memory, restic_call, tree
from backup.verify import encrypted

PACKS = 0.97  # of its size: what packs better is no ciphertext


def take(*, root: str, key: str, remembered: str, call: Mapping[str, Any], is_mount: bool = False) -> dict[str, Any]:
    """{content, unstable, canaries, figures, done}; `done` (restic's answer) lacks where the folder is empty.

    `remembered`: file of what the host knows of the last run; without one there are neither canaries nor figures, and
    every file is read. `call`: what `restic_call.restic` takes; its words get the folder added. `is_mount`: whether the
    folder is declared a mount point. RuntimeError when it is not what is declared.
    """
    if is_mount and not os.path.ismount(root):
        raise RuntimeError(f"{root} is declared a mount and is none: is the share mounted?")
    last = memory.load(remembered)
    planted = canaries.plant(root, key, last.get("canaries", ())) if remembered and _holds(root) else []
    begun = time.time_ns()
    known = last.get("entries", {})
    content = tree.manifest(root, known)
    if not content:
        return {"content": {}}
    before = tree.stamps(root)
    # The tree has been walked already: restic need not count it as well before it begins.
    done = restic_call.restic(**{**call, "words": [*call["words"], "--no-scan", root]})
    after = tree.stamps(root)
    unstable = _settle(root, content, before, after)
    answer = {"content": content, "unstable": sorted(unstable), "canaries": {}, "figures": {}, "done": done}
    if remembered:
        now = _entries(root, content, known, before, begun)
        answer |= _judged(key, planted, last, now)
        if done["code"] == 0:
            memory.save(remembered, {"at": time.time(), "canaries": planted, "entries": now})
    return answer


def _holds(root: str) -> bool:
    """Whether anything lies there: an empty folder is an unmounted share, and gets no canary that would fill it."""
    return next(iter(tree.walk(root)), None) is not None


def _judged(key: str, planted: list[str], last: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    sums = {name: now[name][memory.SUM] for name in planted if name in now}
    found: dict[str, Any] = {"canaries_changed": len(canaries.changed(key, planted, sums))} if planted else {}
    return {
        "canaries": {name: canaries.expected(key)[name] for name in planted},
        "figures": {**found, **memory.figures(last.get("entries", {}), now)},
    }


def _entries(
    root: str, content: Mapping[str, Any], known: memory.Entries, stamps: Mapping[str, Any], begun: int
) -> dict[str, list[Any]]:
    """What to remember of every file. One that changed just before gets no stamp, so that it is read again."""
    found = {}
    for path, entry in content.items():
        if entry["kind"] == "file":
            stamp, last = stamps.get(path), known.get(path)
            is_same = last and last[memory.STAMP] == stamp and last[memory.SUM] == entry["sha256"]
            even = last[memory.EVEN] if last and is_same else looks_encrypted(os.path.join(root, path))
            settled = stamp and stamp[2] < begun - memory.SETTLED_NS
            found[path] = [stamp if settled else None, entry["sha256"], even]
    return found


def looks_encrypted(path: str) -> bool:
    """As `encrypted.looks`; what can be packed does not, and packing 4 KiB costs a tenth of counting bytes."""
    try:
        with open(path, "rb") as source:
            head = source.read(encrypted.HEAD)
    except OSError:
        return False
    return len(zlib.compress(head[:4096], 1)) > PACKS * len(head[:4096]) and encrypted.even(head)


def _settle(root: str, content: dict[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Paths that changed while they were read; of those that only grew (logs) the entry says `grows` instead."""
    moved = {path for path in before.keys() | after.keys() | content.keys() if _moved(path, content, before, after)}
    sizes = {path: content[path]["size"] for path in moved if content.get(path, {}).get("kind") == "file"}
    for path, entry in (tree.heads(root, sizes) if sizes else {}).items():
        if entry.items() <= content[path].items():
            content[path]["grows"] = True
            moved.remove(path)
    return moved


def _moved(path: str, content: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if before.get(path) != after.get(path) or path not in content or path not in after:
        return True
    return bool(content[path]["mtime_ns"] != after[path][1])
