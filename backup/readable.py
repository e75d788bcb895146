"""What snapshots a repository holds although a thief of a host's credential put junk beside them.

One junk file makes restic's own list fail or crash. A drill goes round it on a private copy of the whole repository
(`quarantine.py`); to know what there is, a copy of the small files will do.
"""

from __future__ import annotations

from backup.quarantine import MAY_BE_JUNK, _ask, _sorted, view
from backup.restic import QUICK, Restic, Snapshot
from backup.trouble import ResticError
from ops.system.process import Ask

_MANY = 500  # names in one call


def snapshots(restic: Restic, folder: str) -> tuple[list[Snapshot], list[str]]:
    """(every snapshot that can be read, what lies there that cannot): one junk file hides no other snapshot.

    Where restic stumbles, it is asked on a copy of the small files in `folder` on its host, without the junk; the copy
    goes away again. Its own error is raised where junk is not the reason.
    """
    try:
        return restic.snapshots(), []
    except ResticError as error:
        if error.trouble not in MAY_BE_JUNK or not restic.repository.password.value:
            raise
        try:
            if not (wrong := _without_junk(restic, folder)):
                raise
            return view(restic, folder).snapshots(), wrong
        finally:
            restic.where.run(["rm", "-rf", folder], Ask(timeout=QUICK))


def judged(restic: Restic, folder: str) -> tuple[list[Snapshot], list[str]]:
    """The same, and every small file is looked at although restic does not stumble; by whoever has the key."""
    try:
        wrong = _without_junk(restic, folder)
        return view(restic, folder).snapshots(), wrong
    finally:
        restic.where.run(["rm", "-rf", folder], Ask(timeout=QUICK))


def _without_junk(restic: Restic, folder: str) -> list[str]:
    """Copy the small files, leave out what is none of restic's, and every lock; what was left out and why."""
    told = _ask(restic, "small", {"folder": folder}, QUICK)
    findings, kept, _ = _sorted(told, restic.repository.password.value)
    gone = [f"{folder}/{name}" for name in sorted(set(told) - {"config", *kept})]
    for first in range(0, len(gone), _MANY):
        restic.where.run(["rm", "-f", "--", *gone[first : first + _MANY]], Ask(timeout=QUICK)).must()
    return [one.what for one in findings]
