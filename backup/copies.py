"""The second copy: files of a repository copied by name to another place, never overwritten and never removed there.

Whoever takes the vault can empty it, but not what was copied: the copy's side fetches (it has the key to the vault, the
vault has none to it), and a name that it holds is never written again. Each file's bytes are its name, checked on the
way; a file that would differ is left out and told.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from backup.hostside import copy_there, programs, rest_mirror
from backup.restic import Repository
from ops.system import hostpython
from ops.system.process import Exec

LONG = 12 * 3600.0
_THERE = (programs, rest_mirror, copy_there)


@dataclass(frozen=True)
class Copied:
    """What one copying did. Counts of files and bytes; `refused`: names whose bytes were not their name."""

    at: float
    seconds: float
    there: int
    new: int
    bytes: int
    refused: tuple[str, ...]
    differs: tuple[str, ...]  # names that hold other bytes in the copy than they should

    def told(self) -> dict[str, Any]:
        bad = {"refused": list(self.refused[:20]), "differs": list(self.differs[:20])}
        return {"at": self.at, "seconds": self.seconds, "there": self.there, "new": self.new, "bytes": self.bytes,
                "refused_total": len(self.refused), "differs_total": len(self.differs), **bad}  # fmt: skip


def copy(where: Exec, repository: Repository, folder: str) -> Copied:
    """Fetch what `folder` on the machine `where` lacks of the repository, by GET or from a disk."""
    begun = time.time()
    asked = {"repository": repository.spec(), "folder": folder}
    told = hostpython.call(where, hostpython.Call(_THERE, "bring", asked, LONG))
    return Copied(
        begun,
        round(time.time() - begun, 3),
        int(told["there"]),
        int(told["new"]),
        int(told["bytes"]),
        tuple(told["refused"]),
        tuple(told["differs"]),
    )
