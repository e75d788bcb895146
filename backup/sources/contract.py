"""What every kind of backup source promises. One file per kind in this folder, named as in `BackupSet.kind`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import backup.sources
from backup.restic import Restic, Saved
from backup.trouble import ResticError, Trouble

_SERVERS = ("postgresql", "mariadb")


@dataclass(frozen=True)
class Asked:
    """What is to be backed up. `memory`: folder on the host with what it knows of earlier runs; none when empty."""

    key: str
    source: str
    timezone: str
    memory: str = ""
    is_mount: bool = False  # whether the folder is declared a mount point

    @property
    def memory_file(self) -> str:
        return f"{self.memory}/{self.key}.last.json" if self.memory else ""


@dataclass(frozen=True)
class Taken:
    """`content`: the manifest's part (see the kind's file) · `path`: where the data lies inside the snapshot.

    `canaries`: path below the source → sha256 as it should be · `figures`: shares 0 to 1 against the run before.
    """

    saved: Saved
    path: str
    content: Mapping[str, Any]
    unstable: tuple[str, ...] = ()
    canaries: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Restored:
    """What a drill found. `content`: the same shape as `Taken.content` · `steps`: seconds by name."""

    content: Mapping[str, Any]
    steps: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def told(cls, answer: Mapping[str, Any]) -> Restored:
        """By a program of ours on the drill server: {facts, steps: [{name, seconds}]}."""
        return cls(answer["facts"], {step["name"]: step["seconds"] for step in answer["steps"]})


@dataclass(frozen=True)
class Place:
    """Where a restored copy is looked at. `folder`: this drill's own · `data`: where restic restored to."""

    folder: str
    data: str
    timezone: str
    run_as: str = "postgres"
    limit: float = 3600.0  # seconds


class Source(Protocol):
    """A module of this folder. `ONE_FILE`: whether a snapshot holds one file (a dump), or else a folder."""

    ONE_FILE: bool

    def take(self, restic: Restic, asked: Asked) -> Taken:
        """Back `asked.source` up on the host that `restic` runs on, and tell what a restore must equal."""
        ...

    def look(self, restic: Restic, place: Place, manifest: Mapping[str, Any]) -> Restored:
        """What a restored copy holds, read on the drill server."""
        ...

    def counts(self, content: Mapping[str, Any]) -> dict[str, int]:
        """Figures for people: how many files, rows, bytes."""
        ...


def streamed(restic: Restic, asked: Asked, path: str, answer: Mapping[str, Any]) -> Taken:
    """What streamed into restic: {done, facts, figures}. ResticError when it is empty; restic would save that too."""
    saved = restic.saved(answer["done"])
    if saved.bytes == 0 or not answer["facts"]:
        raise ResticError(Trouble.INCOMPLETE, f"{restic.where.name}: {asked.source}: what was read of it is empty")
    return Taken(saved, path, answer["facts"], figures=answer["figures"])


def table_counts(content: Mapping[str, Any]) -> dict[str, int]:
    """`Source.counts` of everything that has tables."""
    rows = sum(table["rows"] for table in content["tables"].values())
    return {"tables": len(content["tables"]), "rows": rows, "objects": len(content["objects"])}


def is_server(kind: str) -> bool:
    """Whether the set is of a database server: its data knows business times, and a drill starts a server for it."""
    return kind.partition("-")[0] in _SERVERS


def source(kind: str) -> Source:
    return cast("Source", importlib.import_module(f"backup.sources.{kind.replace('-', '_')}"))


def kinds() -> list[str]:
    return sorted(
        one.name.replace("_", "-") for one in pkgutil.iter_modules(backup.sources.__path__) if one.name != "contract"
    )
