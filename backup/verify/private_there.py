"""On the drill server: a private copy of a repository, from which what a stranger put there can be left out.

Standard library only. The repository itself is only read: by GET behind a rest-server, by copy on a disk.
"""

# ruff: noqa: PTH103, PTH108, PTH112, PTH113, PTH116, PTH118, PTH123, PTH202, PTH208, PTH211 # as the other modules that run on hosts
from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backup.hostside import programs, rest_mirror

SMALL = ("keys", "snapshots", "index", "locks")
FEW = 40  # locks, and keys beside them, that are looked at
MOST = 64 << 20  # bytes of small files that are handed to the station
Repository = Mapping[str, Any]


def small(*, repository: Repository, folder: str) -> dict[str, Any]:
    """{"config": …, "<kind>/<name>": content in base64} of all but the packs, which then lie in `folder` too."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    _bring(repository, SMALL, folder)
    found: dict[str, str] = {}
    total = 0
    for kind in ("", *SMALL):
        above = os.path.join(folder, kind)
        for name in sorted(os.listdir(above)) if os.path.isdir(above) else ():
            path = os.path.join(above, name)
            if not os.path.isfile(path):
                continue
            total += os.path.getsize(path)
            if total > MOST:
                raise RuntimeError(f"keys, snapshots and index are more than {MOST} bytes")
            with open(path, "rb") as source:
                found[os.path.join(kind, name)] = base64.b64encode(source.read()).decode()
    return found


def listed(*, repository: Repository) -> dict[str, Any]:
    """{keys: names of the files in keys/ (the keys' ids), snapshots: {name: whether it is the sum of its bytes}}.

    {why} where the repository cannot be looked at. Where locks lie there, also {locks, key_files: {name: content in
    base64}}: whose they are is told where the repository's key is.
    """
    try:
        if str(repository["url"]).startswith("rest:"):
            _asked(repository, lambda at: rest_mirror.there(at, "config"))
        else:
            os.stat(os.path.join(repository["url"], "config"))  # raises where it is gone
        keys, sums, locks = _names(repository, "keys"), _sums(repository), _contents(repository, "locks")
        told = {"keys": sorted(keys), "snapshots": {name: digest == name for name, digest in sums.items()}}
        return {**told, "locks": locks, "key_files": _contents(repository, "keys")} if locks else told
    except (OSError, RuntimeError) as error:
        return {"why": str(error)}


def _names(repository: Repository, kind: str) -> list[str]:
    url = str(repository["url"])
    if url.startswith("rest:"):
        return list(_asked(repository, lambda at: rest_mirror.sizes(at, kind))["files"])
    return os.listdir(os.path.join(url, kind))


def _sums(repository: Repository) -> dict[str, str]:
    url = str(repository["url"])
    if url.startswith("rest:"):
        return dict(_asked(repository, lambda at: rest_mirror.sums(at, "snapshots"))["files"])
    return {name: _sum(os.path.join(url, "snapshots", name)) for name in _names(repository, "snapshots")}


def _contents(repository: Repository, kind: str) -> dict[str, str]:
    """Files of a kind of which few are usual: enough of them to tell what is going on."""
    url = str(repository["url"])
    if url.startswith("rest:"):
        found = _asked(repository, lambda at: rest_mirror.contents(at, kind, FEW))["files"]
    else:
        found = dict(_inside(os.path.join(url, kind)))
    return {name: base64.b64encode(content).decode() for name, content in found.items()}


def _inside(folder: str) -> Iterator[tuple[str, bytes]]:
    for name in sorted(os.listdir(folder) if os.path.isdir(folder) else ())[:FEW]:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.path.getsize(path) <= MOST:  # a lock may be given back meanwhile
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as source:
                yield name, source.read()


def _sum(path: str) -> str:
    """sha256 of a small file; "" of what is none."""
    if not os.path.isfile(path):
        return ""
    with open(path, "rb") as source:
        return hashlib.sha256(source.read()).hexdigest()


def packs_bytes(*, repository: Repository) -> int:
    """What a copy of all packs needs; 0 where they are linked to."""
    if not str(repository["url"]).startswith("rest:"):
        return 0
    return sum(_asked(repository, lambda at: rest_mirror.sizes(at, "data"))["files"].values())


def keep(*, repository: Repository, folder: str, names: Sequence[str]) -> int:
    """Leave only these small files (and no lock) in `folder`, then bring the packs; how many files went."""
    wanted, gone = {"config", *names}, 0
    for kind in SMALL:
        for name in os.listdir(os.path.join(folder, kind)):
            if f"{kind}/{name}" not in wanted:
                os.unlink(os.path.join(folder, kind, name))
                gone += 1
    _bring(repository, ("data",), folder)
    return gone


def _bring(repository: Repository, kinds: Sequence[str], folder: str) -> None:
    url = str(repository["url"])
    if url.startswith("rest:"):
        _asked(repository, lambda at: rest_mirror.fetch(at, kinds, folder))
        return
    for kind in kinds:
        if kind == "data":  # restic never writes into the packs of a repository that it only reads
            os.symlink(os.path.join(url, "data"), os.path.join(folder, "data"))
        elif os.path.isdir(os.path.join(url, kind)):
            shutil.copytree(os.path.join(url, kind), os.path.join(folder, kind))
        else:
            os.makedirs(os.path.join(folder, kind))
    if "keys" in kinds:
        shutil.copyfile(os.path.join(url, "config"), os.path.join(folder, "config"))


def _asked(repository: Repository, ask: Any) -> dict[str, Any]:
    """Ask a rest-server with the user, password and certificate of `repository`; RuntimeError says what was wrong."""
    # these stand in this process's own memory: not in the environment that it was started with
    if repository.get("user"):
        os.environ["RESTIC_REST_USERNAME"] = str(repository["user"])
        os.environ["RESTIC_REST_PASSWORD"] = programs.secret(repository["user_password"])
    if repository.get("ca"):
        os.environ["RESTIC_CACERT"] = str(repository["ca"])
    told = dict(ask(str(repository["url"]).removeprefix("rest:")))
    if "fault" in told:
        raise RuntimeError(f"{told['fault']}: {told['why']}")
    return told
