"""A repository opened for verification, wherever it lies, without a byte written into it.

On this disk: examined file by file and seen through a private view. Behind a rest-server: copied by GET, then as on
this disk. Anywhere else (sftp, S3, …): restic itself with `--no-lock`, after the port was tried.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from backup import trouble
from backup.hostside import programs, rest_mirror
from backup.restic import LONG, QUICK, Repository, Restic, Secret
from backup.verify import files, target, view
from backup.verify.here import Here
from backup.verify.verdict import Fault, Finding, of_restic
from ops.errors import HostFailedError
from ops.system import hostpython
from ops.system.process import Local

FIRST = 14.0  # seconds that a store without a port to try has for its first answer
START = 20.0  # seconds that a busy machine may need to begin
_REMOTE = re.compile(r"\A(rest|sftp|s3|b2|azure|gs|swift|rclone):")
_SMALL = ("keys", "snapshots", "index", "locks")
_PORTS = {"sftp": 22, "http": 80, "https": 443}
_PROBES = (programs, rest_mirror)


@dataclass
class Opened:
    """`restic` is None where the repository cannot be opened. `view`: the private view's folder, if there is one."""

    restic: Restic | None = None
    view: Path | None = None
    locks: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def stop(self, fault: Fault, what: str) -> Opened:
        self.restic = None
        self.findings.append(Finding(fault, what))
        return self


@dataclass(frozen=True)
class Door:
    """How to get in. `private`: an empty folder of this verification alone."""

    repo: str
    password: str
    program: str
    private: Path
    tell: Callable[[str, str], None]


def local(repo: str) -> Path | None:
    """The folder of a repository on this machine; None when it lies elsewhere."""
    return None if _REMOTE.match(repo) else Path(repo.removeprefix("local:")).absolute()


def plain(repo: str) -> str:
    """An address without the user and password in it."""
    return re.sub(r"://[^/@]*@", "://", repo)


def open_(door: Door) -> Opened:
    """Never raises for a broken repository: the findings say what is wrong."""
    if folder := local(door.repo):
        return _folder(door, folder)
    if door.repo.startswith("rest:"):
        return _rest(door)
    return _elsewhere(door)


def _folder(door: Door, repository: Path) -> Opened:
    made = Opened()
    config = repository / "config"
    if not config.is_file() or not config.stat().st_size:
        what = "config is missing" if repository.is_dir() else "there is no such folder"
        return made.stop(Fault.REPO, f"{repository}: {what}")
    if target.full(repository):
        made.findings.append(Finding(Fault.SPACE, f"{repository}: its disk is full; no backup can be taken"))
    door.tell("key", str(repository))
    key = files.key(repository, door.password)
    made.findings += key.findings
    if key.master is None:
        return made
    if not key.master.sealed(config.read_bytes()):
        return made.stop(Fault.CORRUPTION, "config: its bytes are not what they were")
    found = files.sort(repository, key.master)
    made.findings += found.findings
    made.view = door.private / "view"
    made.view.mkdir()
    view.make(repository, made.view, found, key.content)
    made.locks = [one.name for one in sorted(found.whole["locks"], key=_newest)]
    made.restic = Here(Repository(str(made.view), Secret(door.password)), door.program)
    door.tell("scan", "every pack")
    made.findings += files.scan(repository, key.master)
    lost_index = found.broken["index"] or not found.whole["index"]
    if lost_index and next(files.packs(repository), None):
        made.findings.append(Finding(Fault.CORRUPTION, "index: made anew from the packs, in the private view only"))
    return made


def mend(made: Opened) -> None:
    """Make the view's index anew where it was lost. Call it when the locks were read: it takes one, in the view."""
    if made.view and made.restic:
        view.unlock(made.view)
        if any(one.fault is Fault.CORRUPTION and one.what.startswith("index: made") for one in made.findings):
            made.restic.ask(["repair", "index"], LONG)


def _newest(one: files.File) -> float:
    return -one.path.stat().st_mtime if one.path.exists() else 0.0


def _rest(door: Door) -> Opened:
    url = door.repo.removeprefix("rest:")
    copy = door.private / "copy"
    copy.mkdir()
    door.tell("copy", plain(url))
    told = _ask("fetch", {"url": url, "kinds": _SMALL, "folder": str(copy)}, LONG)
    if not told:
        told = _ask("sizes", {"url": url, "kind": "data"}, QUICK)
    if "files" in told:
        need, free = sum(told["files"].values()), target.room(copy)[0]
        if need > free:
            return Opened().stop(Fault.SPACE, f"a private copy needs {need} bytes, {free} are free")
        told = _ask("fetch", {"url": url, "kinds": ["data"], "folder": str(copy)}, LONG)
    if told:
        return Opened().stop(Fault(told["fault"]), f"{plain(url)}: {told['why']}")
    return _folder(door, copy)


def _elsewhere(door: Door) -> Opened:
    made = Opened()
    door.tell("probe", plain(door.repo))
    why, limit = _probe(door.repo)
    if why:
        return made.stop(Fault.NETWORK, f"{plain(door.repo)}: {why}")
    restic = Here(Repository(door.repo, Secret(door.password)), door.program)
    done = restic.ask(["list", "locks", "--no-lock"], limit)
    if wrong := trouble.judge(done):
        return made.stop(of_restic(wrong), f"{plain(door.repo)}: {trouble.reason(done)}")
    made.restic, made.locks = restic, done["out"].split()
    return made


def _probe(repo: str) -> tuple[str, float]:
    """(why it cannot be reached or nothing, seconds for restic's first answer)."""
    scheme, _, rest = repo.partition(":")
    if scheme == "s3":
        parts = urllib.parse.urlsplit(rest if "://" in rest else f"https://{rest}")
        port = parts.port or _PORTS[parts.scheme]
        asked = {"address": parts.hostname or "", "port": port, "secure": parts.scheme == "https", "path": "/"}
        return _told(rest_mirror, "answers", asked), QUICK
    if scheme == "sftp":
        parts = urllib.parse.urlsplit(f"sftp:{rest}" if rest.startswith("//") else f"sftp://{rest.partition(':')[0]}")
        asked = {"address": parts.hostname or "", "port": parts.port or _PORTS["sftp"], "seconds": FIRST / 2}
        return _told(programs, "greets", asked), QUICK
    return "", FIRST


def _ask(function: str, arguments: dict[str, object], timeout: float) -> Any:
    return hostpython.call(Local(), hostpython.Call(_PROBES, function, arguments, timeout + START))


def _told(module: ModuleType, function: str, arguments: dict[str, object]) -> str:
    """Why a door does not answer, or nothing; one that keeps its asker waiting beyond all limits does not."""
    try:
        return str(hostpython.call(Local(), hostpython.Call((module,), function, arguments, FIRST + START)))
    except HostFailedError as error:
        return error.what
