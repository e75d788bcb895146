"""The nightly scan that needs no key: every file's sha256 is its name, and no name that was there is gone.

restic names every file but `config` by the sha256 of its bytes; so rot shows without a password, at a sixth of the cost
of `check --read-data`. A file that vanished does not show that way: the names of the last scan are kept, and what left
without a prune of ours is told.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backup.hostside import rot_there
from ops.system import hostpython
from ops.system.process import Exec

HOURS = 3600.0
CONFIG = "config "  # before its sum, among the names that are kept
NAMED = 20  # files that a result names; it always tells how many there are


@dataclass(frozen=True)
class Scan:
    """What one scan of a repository saw. `rotten`, `vanished`, `strange`: names as `data/<sha256>`."""

    at: float
    seconds: float
    files: int
    bytes: int
    rotten: tuple[str, ...]
    vanished: tuple[str, ...]
    strange: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.rotten and not self.vanished and not self.strange

    def told(self) -> dict[str, Any]:
        counts = {"rotten": len(self.rotten), "vanished": len(self.vanished), "strange": len(self.strange)}
        named = [*self.rotten, *self.vanished, *self.strange][:NAMED]
        return {"at": self.at, "seconds": self.seconds, "files": self.files, "bytes": self.bytes, **counts,
                "named": named}  # fmt: skip


class Inventory:
    """Names that were there at the last scan of each repository, below a folder of the state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self, of: str) -> dict[str, int]:
        """{kind/name: bytes}; empty before the first scan. ValueError when the list was changed by other hands."""
        path = self._path(of)
        if not path.exists():
            return {}
        digest, _, body = path.read_text(encoding="utf-8").partition("\n")
        if hashlib.sha256(body.encode()).hexdigest() != digest:
            raise ValueError(f"{path} is not what the last scan left")
        return {str(name): int(size) for name, size in json.loads(body).items()}

    def keep(self, of: str, names: Mapping[str, int]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        body = json.dumps(dict(sorted(names.items())))
        fresh = self._path(of).with_suffix(".new")
        fresh.write_text(hashlib.sha256(body.encode()).hexdigest() + "\n" + body, encoding="utf-8")
        fresh.replace(self._path(of))

    def _path(self, of: str) -> Path:
        return self._folder / f"{of}.names"


def scan(
    where: Exec, repository: str, before: Mapping[str, int], may_go: Collection[str]
) -> tuple[Scan, dict[str, int]]:
    """Scan one repository on the disk of `where`; what was seen, and the names for the next time.

    `may_go`: names of which a prune of ours has removed some since (a prune may remove any index and pack).
    """
    begun = time.time()
    asked = hostpython.Call((rot_there,), "look", {"repository": repository}, 12 * HOURS)
    told = hostpython.call(where, asked)
    names = {str(name): int(size) for name, size in told["files"].items()}
    rotten = [*told["rotten"], *_changed(before, str(told["config"]))]
    gone = _gone(before, names, may_go)
    found = Scan(
        begun,
        round(time.time() - begun, 3),
        len(names),
        sum(names.values()),
        tuple(sorted(rotten)),
        tuple(gone),
        tuple(sorted(told["strange"])),
    )
    return found, {**names, **_sum_kept(before, str(told["config"]))}


def _sum_kept(before: Mapping[str, int], now: str) -> dict[str, int]:
    """The first sum of `config` that was seen stays the one that holds."""
    known = [name for name in before if name.startswith(CONFIG)]
    return dict.fromkeys(known or ([CONFIG + now] if now else []), 0)


def _changed(before: Mapping[str, int], now: str) -> list[str]:
    """`config` where it is no longer what it was at the first scan."""
    known = [name.removeprefix(CONFIG) for name in before if name.startswith(CONFIG)]
    return ["config"] if now and known and now not in known else []


def _gone(before: Mapping[str, int], now: Iterable[str], may_go: Collection[str]) -> list[str]:
    """What was there, is not there, and nobody was allowed to remove. Locks come and go."""
    kinds = {one for one in may_go if "/" not in one}
    lost = {name for name in before if not name.startswith(CONFIG)} - set(now) - set(may_go)
    return sorted(name for name in lost if not name.startswith("locks/") and name.partition("/")[0] not in kinds)
