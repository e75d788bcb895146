"""The second reader: what lies in a restored folder, told by find(1) and sha256sum(1).

On purpose not the code that wrote the manifest (`tree.py`): a mistake there must not prove itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

from backup.hostside import programs, tree

_FIELDS = "%y\\0%s\\0%m\\0%U:%G\\0%T@\\0%P\\0%l\\0%n\\0%D:%i\\0"
_COUNT = 9
_KINDS = {"f": "file", "d": "folder", "l": "link"}


def folder(root: str) -> dict[str, Any]:
    """The same shape as `tree.manifest`, from coreutils and findutils; attributes alone are asked of the kernel."""
    found: dict[str, Any] = {}
    names: dict[bytes, list[str]] = {}  # of files that have several
    for words in _records(root):
        kind = _KINDS.get(words[0].decode(), "special")
        entry: dict[str, Any] = {
            "kind": kind,
            "mode": words[2].decode().rjust(4, "0")[-4:],
            "owner": words[3].decode(),
            "mtime_ns": _nanoseconds(words[4].decode()),
        }
        if kind == "file":
            entry["size"] = int(words[1])
        elif kind == "link":
            entry["target"] = os.fsdecode(words[6])
        name = os.fsdecode(words[5])
        found[name] = entry
        if kind == "file" and words[7] != b"1":
            names.setdefault(words[8], []).append(name)
        if kept := tree.attributes(f"{root}/{name}"):
            entry["attributes"] = kept
    for same in names.values():
        for name in same:
            found[name]["same_as"] = min(same)
    for name, digest in _sums(root):
        found[name]["sha256"] = digest
    return found


def heads(root: str, sizes: dict[str, int]) -> dict[str, str]:
    """As `tree.heads`, told by head(1) and sha256sum(1)."""
    reader = 'head -c "$2" -- "$1" | sha256sum'
    there = {path: f"{root}/{path}" for path in sizes if os.path.isfile(f"{root}/{path}")}  # noqa: PTH113 # any name
    return {path: _sum(["sh", "-c", reader, "sh", name, str(sizes[path])]) for path, name in there.items()}


def room(path: str) -> int:
    """Bytes free where `path` is."""
    return shutil.disk_usage(path).free


def _records(root: str) -> Iterator[list[bytes]]:
    """`_COUNT` NUL-ended fields an entry: no name can hold a NUL."""
    fields = _out(["find", root, "-mindepth", "1", "-printf", _FIELDS]).split(b"\0")[:-1]
    for at in range(0, len(fields), _COUNT):
        yield fields[at : at + _COUNT]


def _sums(root: str) -> Iterator[tuple[str, str]]:
    """sha256sum over every regular file: (path below root, digest)."""
    reader = 'cd "$1" && find . -type f -print0 | xargs -0 -r sha256sum -z --'
    for line in _out(["sh", "-c", reader, "sh", root]).split(b"\0")[:-1]:
        yield os.fsdecode(line[66:].removeprefix(b"./")), line[:64].decode()


def _sum(argv: list[str]) -> str:
    return _out(argv)[:64].decode()


def _nanoseconds(stamp: str) -> int:
    """find's `%T@`: seconds with a fraction (ten digits; the tenth is always 0)."""
    seconds, _, fraction = stamp.partition(".")
    return int(seconds) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))


def _out(argv: list[str]) -> bytes:
    done = subprocess.run(argv, capture_output=True, check=False, preexec_fn=programs.die_with_parent)
    if done.returncode:
        said = (done.stderr.decode(errors="replace").strip() or "no output").splitlines()[-1]
        raise RuntimeError(f"{argv[0]}: exit {done.returncode}: {said}")
    return done.stdout
