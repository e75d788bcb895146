"""What every drill check promises. One file per check in this folder; all that fit the set's kind are run."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import backup.checks
from backup.manifest import Manifest
from backup.restic import Snapshot


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as declared. `name`: the file, table or object it is about."""

    what: str
    name: str
    detail: str = ""


@dataclass(frozen=True)
class Point:
    """The point in time that a restore brings back (epoch seconds), and how it is known."""

    epoch: float
    basis: str


@dataclass(frozen=True)
class Found:
    """All that a drill knows when it judges. Times are epoch seconds of the station's clock, spans are seconds."""

    entry: Mapping[str, Any]  # the ledger's line of the backup that was restored
    history: Sequence[Mapping[str, Any]]  # the ledger's lines of this set, oldest first, that one included
    snapshots: Sequence[Snapshot]  # all that the set's repository holds
    unfinished: Sequence[str]  # marks of backups that this station began and never counted
    keys: Sequence[str]  # ids of the keys that the repository holds
    known_keys: Sequence[str]  # ids that the ledger registered
    manifest: Manifest
    signed: bool
    digest: str  # sha256 of the manifest as it came back
    restored: Mapping[str, Any]
    point: Point
    declared: float
    verified: float
    rpo: float
    rto: float
    left_out: Sequence[tuple[str, str]] = ()  # (class of fault, what) that the private copy is without
    locks: Sequence[tuple[str, str]] = ()  # (class of fault, what) that lies among the repository's locks
    scanned: Sequence[tuple[str, str]] = ()  # (class of fault, what) that the vault's last nightly scan found
    attacked: Sequence[str] = ()  # what speaks for it that the tree was encrypted before it was backed up


class Check(Protocol):
    """A module of this folder. `KINDS`: kinds of sets it is for, empty for all · `TITLE`: Indonesian, English."""

    KINDS: tuple[str, ...]
    TITLE: tuple[str, str]

    def differences(self, found: Found) -> Iterator[Difference]: ...


def checks(kind: str = "") -> dict[str, Check]:
    """Every check by name, or those for one kind of set."""
    names = sorted(one.name for one in pkgutil.iter_modules(backup.checks.__path__) if one.name != "contract")
    found = {name: cast("Check", importlib.import_module(f"backup.checks.{name}")) for name in names}
    return {name: check for name, check in found.items() if not kind or not check.KINDS or kind in check.KINDS}
