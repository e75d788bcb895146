"""What every target promises: read what is there, apply what a plan says. Diffing and safety live in ops.plan.

A module `ops/targets/<kind with _ for ->.py` exports `TARGET`. Targets that share an `applier` are applied in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ops.plan.change import Artifact, Change, Result
from ops.progress import Progress
from ops.world import World


@dataclass
class Reading:
    """`contents`: what is there, by key, with secrets collapsed to names · `failed`: hosts that could not be read."""

    contents: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class Applier(Protocol):
    """Makes changes true. One Result per change, errors inside; raises only when nothing at all was begun."""

    name: str

    def apply(self, world: World, changes: Sequence[Change], progress: Progress) -> list[Result]: ...


class Target(Protocol):
    """One kind of place."""

    kind: str
    applier: Applier

    def read(self, world: World, wanted: Sequence[Artifact], opds: Sequence[str] = ()) -> Reading:
        """What is there now on every host this kind lives on, also what no artefact wants (to be deleted).

        `opds`: only these offices are asked about; hosts that belong to another office alone may be left out.
        """
        ...
