"""Cross-checks over a whole Region: one rule per file, found by folder scan.

A rule module exports `check(region) -> Iterable[Finding]` and is pure and O(n): a regency may have thousands of sites.
tests/contract/rules/<rule>.yml holds for each at least one good and one bad example.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region

Check = Callable[[Region], Iterable[Finding]]


def found() -> dict[str, Check]:
    """Every rule by the name of its file."""
    return {
        module.name: importlib.import_module(f"{__name__}.{module.name}").check
        for module in pkgutil.iter_modules(__path__)
    }


def check(region: Region) -> list[Finding]:
    """All that any rule finds."""
    return [finding for rule in found().values() for finding in rule(region)]
