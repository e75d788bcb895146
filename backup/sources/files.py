"""A folder with all that is below it: every file's bytes, size, mode, owner and time.

A file that only grew while it was read (a log, a ledger) is proven as far as it was read: its entry says `grows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup.hostside import canaries, memory, observe, programs, set_files, tree
from backup.restic import LONG, MODULES, Restic
from backup.sources.contract import Asked, Place, Restored, Taken
from backup.trouble import ResticError, Trouble
from backup.verify import encrypted
from ops.errors import OpsError
from ops.system import hostpython

ONE_FILE = False
_TAKE = (*MODULES, encrypted, tree, memory, canaries, set_files)
_LOOK = (programs, tree, observe)


def take(restic: Restic, asked: Asked) -> Taken:
    """Read, back up, read again: what changed in between is told as unstable instead of passing for a difference."""
    words = restic.call(restic.backup_words(restic.where.name, [asked.key]), LONG)
    about: dict[str, Any] = {"root": asked.source, "key": asked.key, "remembered": asked.memory_file, "call": words}
    about["is_mount"] = asked.is_mount
    answer = hostpython.call(restic.where, hostpython.Call(_TAKE, "take", about, 2 * LONG))
    if not answer["content"]:
        what = f"{restic.where.name}: {asked.source} is empty"
        raise OpsError(what, "is the share mounted? an empty folder is no backup")
    saved = restic.saved(answer["done"])
    if saved.bytes == 0 and any(entry.get("size") for entry in answer["content"].values()):
        raise ResticError(Trouble.INCOMPLETE, f"{restic.where.name}: {asked.source}: restic read no bytes")
    told = {name: answer[name] for name in ("canaries", "figures")}
    return Taken(saved, asked.source, answer["content"], tuple(answer["unstable"]), **told)


def look(restic: Restic, place: Place, manifest: Mapping[str, Any]) -> Restored:
    """Every entry of the restored folder, told by find and sha256sum."""
    asked = hostpython.Call(_LOOK, "folder", {"root": place.data}, place.limit)
    content = hostpython.call(restic.where, asked)
    logs = {path: entry for path, entry in manifest.items() if entry.get("grows") and _longer(content.get(path), entry)}
    if logs:
        about: dict[str, Any] = {"root": place.data, "sizes": {path: entry["size"] for path, entry in logs.items()}}
        heads = hostpython.call(restic.where, hostpython.Call(_LOOK, "heads", about, place.limit))
        for path, entry in logs.items():
            content[path] |= {"size": entry["size"], "mtime_ns": entry["mtime_ns"], "sha256": heads[path]}
    return Restored(content)


def counts(content: Mapping[str, Any]) -> dict[str, int]:
    files = [entry for entry in content.values() if entry["kind"] == "file"]
    return {"entries": len(content), "files": len(files), "bytes": sum(entry.get("size", 0) for entry in files)}


def _longer(there: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> bool:
    """Whether what came back can be that file, perhaps a little later."""
    return there is not None and all(there.get(key, -1) >= entry[key] for key in ("size", "mtime_ns"))
