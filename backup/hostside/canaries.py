"""Canary files in a backed-up folder: nobody has a reason to touch them, so a changed one tells of ransomware.

Their content follows from the set's name, so it is known without being remembered. They belong to the folder's owner,
as what ransomware can write to; one sorts first and one last, as most of it goes through a folder by name.
"""

# ruff: noqa: PTH116, PTH118, PTH123 # names on hosts need not be text
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

NAMES = ("0000-arsip-kominfo.txt", "zzzz-arsip-kominfo.txt")
_TEXT = """Berkas kenari kominfo-ops untuk {key} ({name}). Jangan diubah dan jangan dihapus.
Canary file of kominfo-ops: a backup that finds it changed or gone raises an alarm.

"""
_BLOCKS = 64  # of pseudo-random text behind the words: as large as a short document


def content(key: str, name: str) -> bytes:
    """Of one canary of one set."""
    words = [hashlib.sha256(f"{key}/{name}/{number}".encode()).hexdigest() for number in range(_BLOCKS)]
    return (_TEXT.format(key=key, name=name) + "\n".join(words) + "\n").encode()


def expected(key: str) -> dict[str, str]:
    """Name below the folder → sha256."""
    return {name: hashlib.sha256(content(key, name)).hexdigest() for name in NAMES}


def plant(root: str, key: str, known: Iterable[str]) -> list[str]:
    """Put those that were never there; which lie there or should. `known`: planted before, so never planted again.

    A folder that cannot be written (a read-only mount) has none.
    """
    planted = set(known)
    owner = os.stat(root)
    for name in sorted(set(NAMES) - planted):
        path = os.path.join(root, name)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        except FileExistsError:
            planted.add(name)  # by an earlier installation of this host: its content is judged like any
            continue
        except OSError:
            continue
        with open(handle, "wb") as out:
            out.write(content(key, name))
            os.fchmod(handle, 0o644)
            if os.geteuid() == 0:
                os.fchown(handle, owner.st_uid, owner.st_gid)
        planted.add(name)
    return sorted(planted)


def changed(key: str, planted: Iterable[str], sums: dict[str, str]) -> list[str]:
    """Planted ones that are gone or hold something else; `sums`: name → sha256 as read."""
    wanted = expected(key)
    return sorted(name for name in planted if sums.get(name) != wanted.get(name))
