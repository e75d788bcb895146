"""On the machine that keeps the second copy: bring what it lacks, by name, and never touch what it holds.

A file is written under a name of its own, its sha256 compared, made read-only, and then linked to its name: link(2)
fails where that name is taken, so that nothing here can overwrite a file, however wrong it goes.
"""

# ruff: noqa: PTH103, PTH108, PTH110, PTH118, PTH123, PTH202 # names on hosts
from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from backup.hostside import programs, rest_mirror

ORDER = ("keys", "data", "index", "snapshots")  # a copy that is cut off never holds a snapshot without its data


def bring(*, repository: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """{there, new, bytes, refused, differs}: files of the repository, copied now, bytes of these."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    source = _Source(repository)
    told: dict[str, Any] = {"there": 0, "new": 0, "bytes": 0, "refused": [], "differs": []}
    for kind in ORDER:
        for name, size in sorted(source.names(kind).items()):
            told["there"] += 1
            _one(source, folder, (kind, name, size), told)
    _config(source, os.path.join(folder, "config"), told)
    return told


def _config(source: _Source, config: str, told: dict[str, Any]) -> None:
    """The one file whose name is not its sum: it never changes, so the copy's must be the repository's to the byte."""
    fresh = config + ".new"
    source.fetch("config", fresh)
    if not os.path.exists(config):
        _settle(fresh, config)
        return
    if _sum(fresh) != _sum(config):
        told["differs"].append("config")
    os.unlink(fresh)


def _one(source: _Source, folder: str, what: tuple[str, str, int], told: dict[str, Any]) -> None:
    kind, name, size = what
    above = os.path.join(folder, kind, name[:2]) if kind == "data" else os.path.join(folder, kind)
    path = os.path.join(above, name)
    if os.path.lexists(path):
        if os.path.getsize(path) != size:
            told["differs"].append(f"{kind}/{name}")
        return
    os.makedirs(above, mode=0o700, exist_ok=True)
    fresh = os.path.join(folder, f".new-{name}")
    source.fetch(f"{kind}/{name}", fresh)
    if _sum(fresh) != name:
        os.unlink(fresh)
        told["refused"].append(f"{kind}/{name}")
        return
    told["bytes"] += os.path.getsize(fresh)
    told["new"] += 1
    _settle(fresh, path)


def _settle(fresh: str, path: str) -> None:
    """All of it on the disk, read-only, under its name; FileExistsError rather than overwrite."""
    handle = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.fchmod(handle, 0o400)
    finally:
        os.close(handle)
    os.link(fresh, path)
    os.unlink(fresh)


def _sum(path: str) -> str:
    with open(path, "rb", buffering=0) as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


class _Source:
    """The repository: behind a rest-server, which is only asked with GET, or on this disk."""

    def __init__(self, repository: Mapping[str, Any]) -> None:
        self._url = str(repository["url"])
        self._remote = self._url.startswith("rest:")
        if repository.get("user"):  # in this process's own memory, not in the environment that it began with
            os.environ["RESTIC_REST_USERNAME"] = str(repository["user"])
            os.environ["RESTIC_REST_PASSWORD"] = programs.secret(repository["user_password"])
        if repository.get("ca"):
            os.environ["RESTIC_CACERT"] = str(repository["ca"])

    def names(self, kind: str) -> dict[str, int]:
        if self._remote:
            told = rest_mirror.sizes(self._url.removeprefix("rest:"), kind)
            if "fault" in told:
                raise RuntimeError(f"{told['fault']}: {told['why']}")
            return dict(told["files"])
        return {name: os.path.getsize(path) for name, path in self._walk(kind)}

    def fetch(self, what: str, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # what a copying that was cut off left
        if self._remote:
            rest_mirror.one(self._url.removeprefix("rest:"), what, path)
            return
        kind, _, name = what.partition("/")
        spot = os.path.join(self._url, kind, name[:2], name) if kind == "data" else os.path.join(self._url, what)
        shutil.copyfile(spot, path)

    def _walk(self, kind: str) -> Iterator[tuple[str, str]]:
        for above, _, names in os.walk(os.path.join(self._url, kind)):
            yield from ((name, os.path.join(above, name)) for name in names if len(name) == 64)  # noqa: PLR2004 # sha256
