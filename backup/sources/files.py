"""A folder with all that is below it: every file's bytes, size, mode, owner and time."""

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
    return Taken(saved, source, content, tuple(sorted(moved)))


def look(restic: Restic, place: Place, manifest: Mapping[str, Any]) -> Restored:
    """Every entry of the restored folder, told by find and sha256sum."""
    del manifest
    asked = hostpython.Call((programs, tree, observe), "folder", {"root": place.data}, place.limit)
    return Restored(hostpython.call(restic.where, asked))


def counts(content: Mapping[str, Any]) -> dict[str, int]:
    files = [entry for entry in content.values() if entry["kind"] == "file"]
    return {"entries": len(content), "files": len(files), "bytes": sum(entry.get("size", 0) for entry in files)}


def _call(restic: Restic, function: str, root: str, timeout: float) -> dict[str, Any]:
    return dict(hostpython.call(restic.where, hostpython.Call(_WALK, function, {"root": root}, timeout)))


def _moved(path: str, content: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if before.get(path) != after.get(path) or path not in content or path not in after:
        return True
    return bool(content[path]["mtime_ns"] != after[path][1])
