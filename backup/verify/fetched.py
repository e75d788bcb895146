"""A whole private copy of a repository on this machine, by GET or from this disk; the original is only read."""

from __future__ import annotations

import shutil
import urllib.parse
from pathlib import Path
from typing import Any

from backup.hostside import programs, rest_mirror
from backup.restic import LONG, Repository
from ops.errors import OpsError
from ops.system import hostpython
from ops.system.process import Local

_KINDS = ("keys", "snapshots", "index", "data")


def size(repository: Repository, ca: Path | None = None) -> int:
    """Bytes that a copy takes. OpsError when they cannot be told."""
    if not repository.url.startswith("rest:"):
        return sum(path.stat().st_size for path in Path(repository.url).rglob("*") if path.is_file())
    asked = {"url": _address(repository), "kinds": list(_KINDS), "ca": str(ca) if ca else ""}
    return int(_asked(repository, "bytes_with", asked)["bytes"])


def whole(repository: Repository, folder: Path, ca: Path | None = None) -> None:
    """OpsError when it cannot be had. `ca`: certificate file on this machine."""
    if not repository.url.startswith("rest:"):
        shutil.copytree(repository.url, folder)
        return
    folder.mkdir()
    asked = {"url": _address(repository), "kinds": list(_KINDS), "folder": str(folder), "ca": str(ca) if ca else ""}
    _asked(repository, "fetch_with", asked)


def _address(repository: Repository) -> str:
    """With the user's password: it is asked of a process of ours on standard input, in no argument list."""
    parts = urllib.parse.urlsplit(repository.url.removeprefix("rest:"))
    user, password = (urllib.parse.quote(text, safe="") for text in (repository.user, repository.user_password.value))
    return parts._replace(netloc=f"{user}:{password}@{parts.netloc}").geturl() if user else parts.geturl()


def _asked(repository: Repository, function: str, asked: dict[str, Any]) -> dict[str, Any]:
    told = dict(hostpython.call(Local(), hostpython.Call((programs, rest_mirror), function, asked, LONG)))
    if "fault" in told:
        raise OpsError(f"{repository.url}: {told['why']}", "is the vault up?")
    return told
