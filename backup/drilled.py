"""What one drill saw: the record that evidence is written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backup.checks.contract import Difference, Found
from backup.journal import Step
from backup.layout import Item
from backup.manifest import Manifest
from backup.restic import Snapshot
from backup.sources.contract import Restored
from ops.errors import OpsError


@dataclass
class Drill:
    """All that one drill saw. `failure`: why it could not go on, empty when it came to the end."""

    id: str
    item: Item
    declared: float
    steps: list[Step]
    verified: float = 0.0
    resumed: int = 0  # how often it was cut off and went on
    versions: dict[str, str] = field(default_factory=dict)
    url: str = ""
    key: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    manifest: Manifest | None = None
    restored: Restored | None = None
    restore_seconds: float = 0.0  # of restic's restore alone
    found: Found | None = None
    checked: dict[str, list[Difference]] = field(default_factory=dict)
    locks: list[tuple[str, str]] = field(default_factory=list)  # (class of fault, what) of the repository's locks
    left_out: Sequence[tuple[str, str]] = ()  # (class of fault, what) that its private copy is without
    waiting: bool = False  # for somebody's living exclusive lock: it came no further
    failure: str = ""
    error: OpsError | None = None  # what made it stop
    cleaned: bool = False

    @property
    def differences(self) -> int:
        return sum(len(found) for found in self.checked.values())

    @property
    def proven(self) -> bool:
        return bool(self.checked) and not self.failure and not self.differences and self.cleaned
