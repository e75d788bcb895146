"""What a folder holds: every entry below it with size, mode, owner, time and the sha256 of every file's bytes."""

# ruff: noqa: PTH112, PTH115, PTH118, PTH123 # names on hosts need not be text
from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from typing import Any

from backup.hostside import programs

# One room for all reading: fresh memory for each piece costs a third as much again.
_ROOM = memoryview(bytearray(1 << 18))
ATTRIBUTES = ("user.", "system.posix_acl_", "security.capability")  # what of an entry's attributes must come back
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


def manifest(root: str, known: Mapping[str, Sequence[Any]] | None = None) -> dict[str, Any]:
    """{path below root: entry}; the root itself is left out. FileNotFoundError when there is no such folder.

    Names that are not UTF-8 are kept by surrogate escapes, so any name survives the way through JSON. What is deleted
    while it is being read is left out.

    `known`: path → [stamp, sha256, …] of an earlier reading; a file with that very stamp (size, times of content and
    inode, as restic itself goes by) is not read again.
    """
    if not os.path.isdir(root):
        raise FileNotFoundError(f"{root}: no such folder")
    found: dict[str, Any] = {}
    first: dict[tuple[int, int], str] = {}  # of the names of one file, the one that comes first
    for path, info in walk(root):
        name = os.path.relpath(path, root)
        try:
            last = (known or {}).get(name, (None, ""))
            found[name] = _entry(path, info, last[1] if last[0] == _stamp(info) else "")
        except FileNotFoundError:
            continue
        if found[name]["kind"] == "file" and info.st_nlink > 1:
            found[name]["same_as"] = first.setdefault((info.st_dev, info.st_ino), name)
        if len(found) % 2000 == 0:
            programs.tell(counted=len(found))
    return found


def stamps(root: str) -> dict[str, list[int]]:
    """{path: [size, mtime ns, ctime ns]}: cheap, to see what moved while a backup ran."""
    return {os.path.relpath(path, root): _stamp(info) for path, info in walk(root)}


def _stamp(info: os.stat_result) -> list[int]:
    return [info.st_size if stat.S_ISREG(info.st_mode) else 0, info.st_mtime_ns, info.st_ctime_ns]


def heads(root: str, sizes: dict[str, int]) -> dict[str, dict[str, Any]]:
    """{path: entry} of files by their first bytes, so many of each as `sizes` says; what is gone is left out."""
    found = {}
    for path, size in sizes.items():
        with contextlib.suppress(FileNotFoundError):
            name = os.path.join(root, path)
            found[path] = {**_kept(os.lstat(name)), "sha256": _sha256(name, size)}
    return found


def walk(root: str) -> list[tuple[str, os.stat_result]]:
    """Everything below `root` without following links, sorted."""
    found, folders = [], [root]
    while folders:
        for path, info in _inside(folders.pop()):
            found.append((path, info))
            if stat.S_ISDIR(info.st_mode):
                folders.append(path)
    return sorted(found)


def attributes(path: str) -> dict[str, str]:
    """Access lists, capabilities and users' own attributes, as hexadecimal; those that the kernel adds are left out."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise
    kept = sorted(name for name in names if name.startswith(ATTRIBUTES))
    return {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in kept}


def _inside(folder: str) -> list[tuple[str, os.stat_result]]:
    """What a folder holds now; nothing when it is gone."""
    found = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as inside:
        for one in inside:
            with contextlib.suppress(FileNotFoundError):
                found.append((one.path, one.stat(follow_symlinks=False)))
    return found


def _entry(path: str, info: os.stat_result, digest: str = "") -> dict[str, Any]:
    kind = _KINDS.get(stat.S_IFMT(info.st_mode), "special")
    entry: dict[str, Any] = {"kind": kind, **_kept(info), "mtime_ns": info.st_mtime_ns}
    if kind == "file":
        entry |= {"size": info.st_size, "sha256": digest or _sha256(path, info.st_size)}
    elif kind == "link":
        entry["target"] = os.readlink(path)
    if kept := attributes(path):
        entry["attributes"] = kept
    return entry


def _kept(info: os.stat_result) -> dict[str, str]:
    return {"mode": f"{stat.S_IMODE(info.st_mode):04o}", "owner": f"{info.st_uid}:{info.st_gid}"}


def _sha256(path: str, most: int) -> str:
    """Of the file's first bytes, at most so many: it may grow while it is read."""
    sums = hashlib.sha256()
    with open(path, "rb", buffering=0) as source:
        while most > 0 and (got := source.readinto(_ROOM[:most])):
            sums.update(_ROOM[:got])
            most -= got
    return sums.hexdigest()
