"""What a folder holds: every entry below it with size, mode, owner, time and the sha256 of every file's bytes."""

# ruff: noqa: PTH112, PTH115, PTH123 # names on hosts need not be text
from __future__ import annotations

import hashlib
import os
import stat
from typing import Any

from backup.hostside import programs

_CHUNK = 1 << 20
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


def manifest(root: str) -> dict[str, Any]:
    """{path below root: entry}; the root itself is left out. FileNotFoundError when there is no such folder.

    Names that are not UTF-8 are kept by surrogate escapes, so any name survives the way through JSON.
    """
    if not os.path.isdir(root):
        raise FileNotFoundError(f"{root}: no such folder")
    found = {}
    for path, info in walk(root):
        found[os.path.relpath(path, root)] = _entry(path, info)
        if len(found) % 2000 == 0:
            programs.tell(counted=len(found))
    return found


def stamps(root: str) -> dict[str, list[int]]:
    """{path: [size, mtime ns, ctime ns]}: cheap, to see what moved while a backup ran."""
    return {
        os.path.relpath(path, root): [
            info.st_size if stat.S_ISREG(info.st_mode) else 0,
            info.st_mtime_ns,
            info.st_ctime_ns,
        ]
        for path, info in walk(root)
    }


def walk(root: str) -> list[tuple[str, os.stat_result]]:
    """Everything below `root` without following links, sorted."""
    found, folders = [], [root]
    while folders:
        with os.scandir(folders.pop()) as inside:
            for one in inside:
                info = one.stat(follow_symlinks=False)
                found.append((one.path, info))
                if stat.S_ISDIR(info.st_mode):
                    folders.append(one.path)
    return sorted(found)


def _entry(path: str, info: os.stat_result) -> dict[str, Any]:
    kind = _KINDS.get(stat.S_IFMT(info.st_mode), "special")
    entry: dict[str, Any] = {
        "kind": kind,
        "mode": f"{stat.S_IMODE(info.st_mode):04o}",
        "owner": f"{info.st_uid}:{info.st_gid}",
        "mtime_ns": info.st_mtime_ns,
    }
    if kind == "file":
        entry |= {"size": info.st_size, "sha256": _sha256(path)}
    elif kind == "link":
        entry["target"] = os.readlink(path)
    return entry


def _sha256(path: str) -> str:
    sums = hashlib.sha256()
    with open(path, "rb") as source:
        while chunk := source.read(_CHUNK):
            sums.update(chunk)
    return sums.hexdigest()
