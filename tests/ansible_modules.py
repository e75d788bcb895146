"""Our own Ansible modules as Python modules, for tests that call them without Ansible."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parents[1] / "playbooks/plugins/modules"


def load(name: str) -> ModuleType:
    """The module of that name, freshly loaded: what a test changes in it stays its own."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
