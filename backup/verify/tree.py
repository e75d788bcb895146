"""What lies in a restored folder: every file's bytes hashed, no sampling. In one process, on this machine."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from backup.verify.wanted import Entry


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry. `link`: where a symbolic link points; such an entry's size and sha256 are those of that text."""

    size: int
    mode: int
    sha256: str
    link: str = ""

    def is_(self, entry: Entry) -> bool:
        return (self.sha256, self.size, self.mode) == (entry.sha256, entry.size, entry.mode)


def look(root: str) -> dict[str, Seen]:
    """{path below `root`: what is there}, regular files and links; names that are not UTF-8 by surrogate escapes."""
    found: dict[str, Seen] = {}
    known: dict[tuple[int, int], str] = {}  # digests of files that have several names
    for path, info in _walk(root):
        name = os.path.relpath(path, root)
        if stat.S_ISLNK(info.st_mode):
            target = os.readlink(path)  # noqa: PTH115 # any name
            digest = hashlib.sha256(os.fsencode(target)).hexdigest()
            found[name] = Seen(len(os.fsencode(target)), stat.S_IMODE(info.st_mode), digest, target)
            continue
        spot = (info.st_dev, info.st_ino)
        digest = known.get(spot) or sha256(path)
        if info.st_nlink > 1:
            known[spot] = digest
        found[name] = Seen(info.st_size, stat.S_IMODE(info.st_mode), digest)
    return found


def sha256(path: str) -> str:
    """Of a file's bytes."""
    with open(path, "rb", buffering=0) as source:  # noqa: PTH123 # any name
        return hashlib.file_digest(source, "sha256").hexdigest()


def _walk(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files and symbolic links below `root`; links are not followed."""
    folders = [root]
    while folders:
        with os.scandir(folders.pop()) as inside:
            for one in sorted(inside, key=lambda entry: entry.name):
                info = one.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    folders.append(one.path)
                elif stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode):
                    yield one.path, info
