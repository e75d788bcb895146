"""Cross-checks over a whole Region: one rule per file, found by folder scan.

A rule module exports `check(region) -> Iterable[Problem]` and is pure. tests/contract/rules/<rule>.yml holds for each
one good and one bad example.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable

from ops.errors import Problem
from ops.inventory.model import Region

Check = Callable[[Region], Iterable[Problem]]


def found() -> dict[str, Check]:
    """Every rule by the name of its file."""
    return {
        module.name: importlib.import_module(f"{__name__}.{module.name}").check
        for module in pkgutil.iter_modules(__path__)
    }


def check(region: Region) -> list[Problem]:
    """All problems that any rule sees, sorted."""
    return sorted({problem for rule in found().values() for problem in rule(region)})
