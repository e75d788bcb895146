"""On the vault: every file of a repository, its size, and whether its bytes are its name. No key is needed."""

# ruff: noqa: PTH118, PTH123 # as the other modules that run on hosts
from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from typing import Any

KINDS = ("keys", "snapshots", "index", "data")
_NAME = re.compile(r"\A[0-9a-f]{64}\Z")


def look(*, repository: str) -> dict[str, Any]:
    """{files: {kind/name: bytes}, rotten: [kind/name], strange: [kind/name that restic never gives], config: its sum}.

    `config` alone is not named by its sum, and nothing ever changes it: its sum must be that of the last scan.
    """
    files: dict[str, int] = {}
    rotten, strange = [], []
    for kind, name, path in _files(repository):
        spot = f"{kind}/{name}"
        if not _NAME.match(name):
            if "-tmp-" not in name:
                strange.append(spot)
            continue
        try:
            digest, size = _sum(path)
        except OSError:
            digest, size = "", 0  # a disk that cannot read it any more
        files[spot] = size
        if digest != name:
            rotten.append(spot)
    config = os.path.join(repository, "config")
    digest = ""
    try:
        digest, files["config"] = _sum(config)
    except OSError:
        rotten.append("config")
    return {"files": files, "rotten": rotten, "strange": strange, "config": digest}


def _files(repository: str) -> Iterator[tuple[str, str, str]]:
    for kind in KINDS:
        for above, _, names in os.walk(os.path.join(repository, kind)):
            for name in sorted(names):
                yield kind, name, os.path.join(above, name)


def _sum(path: str) -> tuple[str, int]:
    with open(path, "rb", buffering=0) as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
        return digest, os.fstat(source.fileno()).st_size
