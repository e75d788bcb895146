"""A private view of a repository: its data as it lies there, and beside it only those small files that are whole.

Junk that a stolen client put into keys/, index/, snapshots/ or locks/ makes restic fail or crash; in the view it is not
there. Nothing is ever written into the repository: small files are copied, `data` is a link that restic only reads.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from backup.verify import files
from backup.verify.files import Sorted


def make(repository: Path, folder: Path, kept: Sorted, key: bytes) -> Path:
    """Build the view in the empty `folder`; returns it."""
    for kind in ("keys", "index", "snapshots", "locks"):
        (folder / kind).mkdir(mode=0o700)
    shutil.copyfile(repository / "config", folder / "config")
    (folder / "keys" / hashlib.sha256(key).hexdigest()).write_bytes(key)
    for kind, whole in kept.whole.items():
        for one in whole:
            shutil.copyfile(one.path, folder / kind / one.name)
    _packs((repository / "data").absolute(), folder / "data")
    return folder


def _packs(data: Path, to: Path) -> None:
    """A link to all of them; where one is no file, a link to each other: restic tries such a one for minutes."""
    every = list(files.packs(data.parent))
    usable = [path for path in every if path.is_file()]
    if len(usable) == len(every) and data.is_dir():
        to.symlink_to(data)
        return
    to.mkdir()
    for path in usable:
        (to / path.parent.name).mkdir(exist_ok=True)
        (to / path.parent.name / path.name).symlink_to(path)


def unlock(folder: Path) -> None:
    """Take the copies of the locks out of the view, once they were read."""
    for path in (folder / "locks").iterdir():
        path.unlink()
