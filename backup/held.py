"""Who has locked a set's repository, and what lies among its locks that is none. Nothing is ever taken away there.

A drill restores without a lock, so that no lock stops it; but a stale one tells of a backup that died, and a living
exclusive one of somebody who rewrites the repository at this moment: then it must wait.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from backup.verify import files, locks
from backup.verify.files import File
from backup.verify.locks import Locked
from backup.verify.seal import Master
from backup.verify.verdict import Fault


def judge(told: Mapping[str, Mapping[str, str]], password: str, now: float) -> Locked:
    """`told`: folder (`keys`, `locks`) → name → content in base64 · `now`: epoch seconds."""
    with tempfile.TemporaryDirectory(prefix="kominfo-locks-") as name:
        folder = Path(name)
        for kind, some in told.items():
            (folder / kind).mkdir()
            for one, content in some.items():
                (folder / kind / Path(one).name).write_bytes(base64.b64decode(content))
        master = files.key(folder, password).master
        if master is None:  # restic itself says better what is wrong with the key
            return Locked(waiting=False, findings=())
        found = files.sort(folder, master)
        held = locks.judge(list(_opened(found.whole["locks"], master)), now, locks.lives)
    return Locked(held.waiting, (*found.findings, *held.findings))


def _opened(whole: Iterable[File], master: Master) -> Iterable[dict[str, object]]:
    for one in whole:
        told = json.loads(master.opened(one.path.read_bytes()))
        if isinstance(told, dict) and "time" in told:
            yield told


def faults(held: Locked) -> list[tuple[str, str]]:
    """(class, what) of all that somebody must look at: a living lock is none."""
    return [(str(one.fault), one.what) for one in held.findings if one.fault is not Fault.NONE]


def waits(held: Locked) -> str:
    """Whose living exclusive lock it is; empty where nobody has to be waited for."""
    living = [one.what for one in held.findings if one.fault is Fault.NONE and "exclusive" in one.what]
    return living[0] if held.waiting and living else ""
