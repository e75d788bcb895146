"""Go round what a stranger put into a repository: a private copy on the drill server that holds only what is whole.

It is made only when restic stumbles (a junk file makes it fail or crash on every restore): an untouched repository
costs nothing extra. What was left out is told, and keeps the drill red: somebody must act.
"""

from __future__ import annotations

import base64
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backup import held
from backup.hostside import programs, rest_mirror
from backup.restic import LONG, QUICK, Restic, Secret, Snapshot
from backup.trouble import Trouble
from backup.verify import files, private_there
from backup.verify.locks import Locked
from backup.verify.verdict import Finding
from ops.errors import OpsError
from ops.system import hostpython

MAY_BE_JUNK = {Trouble.JUNK, Trouble.PANIC, Trouble.DAMAGED, Trouble.WRONG_KEY, Trouble.LOCKED, Trouble.UNKNOWN}
_THERE = (programs, rest_mirror, private_there)


@dataclass(frozen=True)
class Listed:
    """`keys`: their ids."""

    keys: list[str]
    snapshots: list[Snapshot]
    locked: Locked


def listed(restic: Restic, history: Sequence[Mapping[str, Any]]) -> Listed:
    """What lies in the repository beside its data, without a restic process where nothing is strange.

    A snapshot's file is named by the sha256 of its bytes: where each is whole and the ledger's lines `history` know it,
    restic can say nothing more of it (such a snapshot has no `time`). Else restic reads them all, and its errors raise.
    """
    told = _ask(restic, "listed", {}, QUICK)
    if "why" in told:
        restic.snapshots()  # it says better what is wrong
        raise OpsError(f"{restic.where.name}: {told['why']}", "is the vault up?")
    locked = Locked(waiting=False, findings=())
    if told.get("locks"):
        some = {"keys": told["key_files"], "locks": told["locks"]}
        locked = held.judge(some, restic.repository.password.value, time.time())
    known = {line[key]: line for line in history for key in ("snapshot", "manifest_snapshot")}
    if told["snapshots"] and all(whole and name in known for name, whole in told["snapshots"].items()):
        return Listed(told["keys"], [_counted(name, known[name]) for name in sorted(told["snapshots"])], locked)
    return Listed(told["keys"], restic.snapshots(), locked)


def _counted(name: str, line: Mapping[str, Any]) -> Snapshot:
    is_data = name == line["snapshot"]
    return Snapshot(name, "", line["server"], (line["of"],), (line["path"],), line["bytes"] if is_data else 0)


def make(restic: Restic, folder: str, free: int, need: int) -> list[tuple[str, str]]:
    """Build the private copy in `folder` on the drill server; [(class of fault, what)] that was left out of it.

    Empty when there was nothing to leave out: the fault is another one. OpsError when the copy has no room.
    """
    if not restic.repository.password.value:
        return []
    told = _ask(restic, "small", {"folder": folder}, QUICK)
    findings, kept, is_index_lost = _sorted(told, restic.repository.password.value)
    if not findings:
        return []
    size = int(_ask(restic, "packs_bytes", {}, QUICK))
    if size * 1.05 + need > free:
        raise OpsError(f"{restic.where.name}: a private copy needs {size} bytes, {free} are free", "make room there")
    _ask(restic, "keep", {"folder": folder, "names": kept}, LONG)
    if is_index_lost:
        view(restic, folder).must(["repair", "index"], LONG)
    return [(str(one.fault), one.what) for one in findings]


def view(restic: Restic, folder: str) -> Restic:
    """restic on the private copy."""
    repository = replace(restic.repository, url=folder, user="", user_password=Secret(), ca="", key_hint="")
    return Restic(restic.where, repository, restic.program)


def _sorted(told: dict[str, str], password: str) -> tuple[list[Finding], list[str], bool]:
    """(what is wrong, names to keep, whether the index must be made anew): judged here, where the key is."""
    with tempfile.TemporaryDirectory(prefix="kominfo-judge-") as name:
        folder = Path(name)
        for path, content in told.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(base64.b64decode(content))
        key = files.key(folder, password)
        if key.master is None:
            return [], [], False
        found = files.sort(folder, key.master)
        opener = [path for path, content in told.items() if base64.b64decode(content) == key.content]
        whole = [f"{kind}/{one.name}" for kind, some in found.whole.items() if kind != "locks" for one in some]
        lost = bool(found.broken.get("index")) or not found.whole["index"]
        return [*key.findings, *found.findings], [*opener[:1], *whole], lost


def _ask(restic: Restic, function: str, arguments: dict[str, Any], timeout: float) -> Any:
    asked = {**arguments, "repository": restic.repository.spec()}
    return hostpython.call(restic.where, hostpython.Call(_THERE, function, asked, timeout + 15))
