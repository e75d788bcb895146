"""A whole private copy of a repository on this machine, by GET or from this disk; the original is only read."""

from __future__ import annotations

import shutil
import urllib.parse
from pathlib import Path

from backup.hostside import programs, rest_mirror
from backup.restic import LONG, Repository
from ops.errors import OpsError
from ops.system import hostpython
from ops.system.process import Local

_KINDS = ("keys", "snapshots", "index", "data")


def whole(repository: Repository, folder: Path, ca: Path | None = None) -> None:
    """OpsError when it cannot be had. `ca`: certificate file on this machine."""
    if not repository.url.startswith("rest:"):
        shutil.copytree(repository.url, folder)
        return
    folder.mkdir()
    parts = urllib.parse.urlsplit(repository.url.removeprefix("rest:"))
    user, password = (urllib.parse.quote(text, safe="") for text in (repository.user, repository.user_password.value))
    # in what is asked of a process of ours, on standard input: in no argument list and no environment
    url = parts._replace(netloc=f"{user}:{password}@{parts.netloc}").geturl() if user else parts.geturl()
    asked = {"url": url, "kinds": list(_KINDS), "folder": str(folder), "ca": str(ca) if ca else ""}
    told = hostpython.call(Local(), hostpython.Call((programs, rest_mirror), "fetch_with", asked, LONG))
    if told:
        raise OpsError(f"{repository.url}: {told['why']}", "is the vault up?")
