"""A folder with all that is below it: every file's bytes, size, mode, owner and time.

A file that only grew while it was read (a log, a ledger) is proven as far as it was read: its entry says `grows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup.hostside import observe, programs, tree
from backup.restic import LONG, QUICK, Restic
from backup.sources.contract import Place, Restored, Taken
from backup.trouble import ResticError, Trouble
from ops.errors import OpsError
from ops.system import hostpython

ONE_FILE = False
_WALK = (programs, tree)
_LOOK = (programs, tree, observe)


def take(restic: Restic, key: str, source: str, timezone: str) -> Taken:
    """Read, back up, read again: what changed in between is told as unstable instead of passing for a difference."""
    del timezone
    content = _call(restic, "manifest", source, LONG)
    if not content:
        raise OpsError(f"{restic.where.name}: {source} is empty", "is the share mounted? an empty folder is no backup")
    before = _call(restic, "stamps", source, QUICK)
    saved = restic.backup([*restic.backup_words(restic.where.name, [key]), source])
    after = _call(restic, "stamps", source, QUICK)
    if saved.bytes == 0 and any(entry.get("size") for entry in content.values()):
        raise ResticError(Trouble.INCOMPLETE, f"{restic.where.name}: {source}: restic read no bytes")
    moved = {path for path in before.keys() | after.keys() | content.keys() if _moved(path, content, before, after)}
    for path in _grown(restic, source, content, moved):
        content[path]["grows"] = True
        moved.remove(path)
    return Taken(saved, source, content, tuple(sorted(moved)))


def look(restic: Restic, place: Place, manifest: Mapping[str, Any]) -> Restored:
    """Every entry of the restored folder, told by find and sha256sum."""
    asked = hostpython.Call(_LOOK, "folder", {"root": place.data}, place.limit)
    content = hostpython.call(restic.where, asked)
    logs = {path: entry for path, entry in manifest.items() if entry.get("grows") and _longer(content.get(path), entry)}
    if logs:
        about = {"root": place.data, "sizes": {path: entry["size"] for path, entry in logs.items()}}
        heads = hostpython.call(restic.where, hostpython.Call(_LOOK, "heads", about, place.limit))
        for path, entry in logs.items():
            content[path] |= {"size": entry["size"], "mtime_ns": entry["mtime_ns"], "sha256": heads[path]}
    return Restored(content)


def counts(content: Mapping[str, Any]) -> dict[str, int]:
    files = [entry for entry in content.values() if entry["kind"] == "file"]
    return {"entries": len(content), "files": len(files), "bytes": sum(entry.get("size", 0) for entry in files)}


def _call(restic: Restic, function: str, root: str, timeout: float) -> dict[str, Any]:
    return dict(hostpython.call(restic.where, hostpython.Call(_WALK, function, {"root": root}, timeout)))


def _grown(restic: Restic, root: str, content: Mapping[str, Any], moved: set[str]) -> list[str]:
    """Of what moved, the files that still begin with all that was read of them."""
    sizes = {path: content[path]["size"] for path in moved if content.get(path, {}).get("kind") == "file"}
    if not sizes:
        return []
    asked = hostpython.Call(_WALK, "heads", {"root": root, "sizes": sizes}, LONG)
    now = hostpython.call(restic.where, asked)
    return [path for path, entry in now.items() if entry.items() <= content[path].items()]


def _longer(there: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> bool:
    """Whether what came back can be that file, perhaps a little later."""
    return there is not None and all(there.get(key, -1) >= entry[key] for key in ("size", "mtime_ns"))


def _moved(path: str, content: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if before.get(path) != after.get(path) or path not in content or path not in after:
        return True
    return bool(content[path]["mtime_ns"] != after[path][1])
