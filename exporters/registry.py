"""Every collector: the files of exporters/collectors that have a COLLECTOR."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import exporters.collectors
from exporters.collectors.contract import Collector, Port
from exporters.series import Recipes, Series


@cache
def collectors() -> tuple[Collector, ...]:
    names = sorted(found.name for found in pkgutil.iter_modules(exporters.collectors.__path__))
    modules = [importlib.import_module(f"exporters.collectors.{name}") for name in names]
    return tuple(module.COLLECTOR for module in modules if hasattr(module, "COLLECTOR"))


def recipes(port: Port) -> list[Series]:
    """Every series of this port that is a recipe."""
    return [one for found in collectors() if isinstance(found, Recipes) for one in found.series(port)]


@cache
def others() -> tuple[Collector, ...]:
    """The collectors that build their samples anew in every poll."""
    return tuple(found for found in collectors() if not isinstance(found, Recipes))
