"""Which kinds of job there are: every file of this folder that holds a `Job`. A kind's file is named after it."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import ops.jobs
from ops.errors import OpsError
from ops.runs.model import Job, kinds


def find(kind: str) -> Job:
    """The job of that kind, without loading the others. OpsError when there is none."""
    name = f"ops.jobs.{kind.replace('-', '_')}"
    known = any(module.name == name.rpartition(".")[2] for module in pkgutil.iter_modules(ops.jobs.__path__))
    found = _jobs(importlib.import_module(name)) if known and "." not in kind else []
    for one in found:
        if one.kind == kind:
            return one
    raise OpsError(f"there is no job of the kind {kind!r}", "a newer version of the suite may know it")


def every() -> dict[str, Job]:
    """All jobs by kind."""
    modules = [importlib.import_module(f"ops.jobs.{found.name}") for found in pkgutil.iter_modules(ops.jobs.__path__)]
    return kinds(job for module in modules for job in _jobs(module))


def _jobs(module: ModuleType) -> list[Job]:
    return [value for value in vars(module).values() if isinstance(value, Job)]
