"""A copy of a repository that faults may be planted in. It bears a mark; nothing else is ever touched."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backup import manifest as own
from backup.restic import LONG, QUICK, Repository, Secret
from backup.verify import files
from backup.verify.here import Here
from backup.verify.locks import when
from ops.errors import OpsError, RefusedError, UsageError

MARK = "kominfo-drill-copy.json"  # restic leaves a file of that name alone
NEXT = "let it make its own copy: --of REPOSITORY --repo NEW-FOLDER"


class Marked:
    """One marked copy, opened with its password. `restic` may write here."""

    def __init__(self, folder: Path, password: str, program: str) -> None:
        self.folder = folder
        key = files.key(folder, password)
        if key.master is None:
            raise OpsError(f"{folder}: this password opens no key of the copy", "make a new copy")
        self.master, self.restic = key.master, Here(Repository(str(folder), Secret(password)), program)

    def names(self, kind: str) -> list[Path]:
        """Files of one kind, the newest first."""
        found = [one.path for one in files.of(self.folder, kind)[0]]
        return sorted(found, key=lambda path: -path.stat().st_mtime)

    def put(self, kind: str, content: bytes) -> Path:
        path = self.folder / kind / hashlib.sha256(content).hexdigest()
        path.write_bytes(content)
        return path

    def forge(self, kind: str, told: Any) -> Path:
        """A file that the repository's key sealed: what only an insider, or a wrong clock, can make."""
        return self.put(kind, self.master.seal(json.dumps(told).encode()))

    def newest(self, host: str) -> dict[str, Any]:
        """The newest snapshot of a host's data (no manifest of ours), as its file holds it, with its id."""
        every = json.loads(self.restic.must(["snapshots", "--host", host], QUICK)["out"] or "[]")
        told = [one for one in every if own.TAG not in (one.get("tags") or ())]
        if not told:
            raise OpsError(f"{self.folder}: no snapshot of {host}", "name the host as its snapshots do")
        found = dict(max(told, key=lambda one: one["time"]))
        found.pop("short_id", None)
        return found

    def again(self, host: str, root: str, change: Callable[[Path], None], work: Path) -> None:
        """One more snapshot of the host's tree, changed first: a minute old, or a second younger than the last."""
        before = self.newest(host)
        tree = work / root.strip("/")
        tree.mkdir(parents=True)
        self.restic.must(["restore", f"{before['id']}:{root}", "--target", str(tree)], LONG)
        change(tree)
        inside = Here(self.restic.repository, self.restic.program)
        inside.before = ("env", "-C", str(work))  # a relative source gives the tree that the root names
        saved = inside.backup(["backup", "--force", "--host", host, root.strip("/") or "."])
        at = max(time.time() - 60, when(before["time"]) + 1)
        made = {**self.newest(host), "paths": before["paths"], "time": stamp(at)}
        (self.folder / "snapshots" / saved.snapshot).unlink()
        made.pop("id")
        self.forge("snapshots", made)


def make(of: Path, folder: Path) -> None:
    """Copy a repository and mark the copy. UsageError when the folder is there already."""
    if folder.exists():
        raise UsageError(f"{folder}: is there already", "name a folder that is not there yet")
    if not (of / "config").is_file():
        raise UsageError(f"{of}: no repository on this disk")
    shutil.copytree(of, folder)
    mark(folder, str(of.absolute()))


def mark(folder: Path, of: str) -> None:
    """Say that the folder is a copy of ours. `of`: the repository's folder, or its address at a rest-server."""
    (folder / MARK).write_text(json.dumps({"of": of, "made": time.time()}) + "\n", encoding="utf-8")


def check(folder: Path) -> None:
    """RefusedError unless the folder is a copy that was made here and that nothing was planted in yet."""
    try:
        told = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RefusedError(f"{folder}: not a copy that `ops drill inject` made", NEXT) from None
    of = Path(told["of"])
    if of == folder.absolute() or not (of.is_absolute() or str(told["of"]).startswith("rest:")):
        raise RefusedError(f"{folder}: its mark was copied from elsewhere", NEXT)
    if "planted" in told:
        raise RefusedError(f"{folder}: {told['planted']} was planted in it already", NEXT)


def planted(folder: Path, fault: str) -> None:
    """Write down what was planted."""
    told = json.loads((folder / MARK).read_text(encoding="utf-8"))
    (folder / MARK).write_text(json.dumps({**told, "planted": fault}) + "\n", encoding="utf-8")


def stamp(epoch: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
