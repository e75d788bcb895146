"""A private view of a repository: its data as it lies there, and beside it only those small files that are whole.

Junk that a stolen client put into keys/, index/, snapshots/ or locks/ makes restic fail or crash; in the view it is not
there. Nothing is ever written into the repository: small files are copied, `data` is a link that restic only reads.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from backup.verify.files import Sorted


def make(repository: Path, folder: Path, kept: Sorted, key: bytes) -> Path:
    """Build the view in the empty `folder`; returns it."""
    for kind in ("keys", "index", "snapshots", "locks"):
        (folder / kind).mkdir(mode=0o700)
    shutil.copyfile(repository / "config", folder / "config")
    (folder / "keys" / hashlib.sha256(key).hexdigest()).write_bytes(key)
    for kind, files in kept.whole.items():
        for one in files:
            shutil.copyfile(one.path, folder / kind / one.name)
    data = (repository / "data").absolute()
    if data.is_dir():
        (folder / "data").symlink_to(data)
    else:
        (folder / "data").mkdir()
    return folder


def unlock(folder: Path) -> None:
    """Take the copies of the locks out of the view, once they were read."""
    for path in (folder / "locks").iterdir():
        path.unlink()
