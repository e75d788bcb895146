"""What a run of Ansible is made from, as digests: files, variables, versions."""

from __future__ import annotations

import hashlib
import hmac
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ops.system.ansible_play import PLAYBOOKS, ROOT

_LEFT_OUT = {"__pycache__", ".git"}
_PACKAGES = ("ansible-core", "ansible-runner", "kominfo-ops")
FAST_PACKAGE = "mitogen"


def files(folder: Path) -> dict[str, str]:
    """sha256 of every file below, by its path from there; what an editor leaves beside is left out."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not _LEFT_OUT & set(path.parts))
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if not path.name.endswith(("~", ".swp"))
    }


def playbooks() -> dict[str, str]:
    """Playbooks, roles and plugins; and Ansible's own settings."""
    settings = (ROOT / "ansible.cfg").read_bytes()
    return {**files(PLAYBOOKS), "ansible.cfg": hashlib.sha256(settings).hexdigest()}


def variables(values: Mapping[str, Any], key: str) -> dict[str, str]:
    """Digests that without `key` tell nothing of the values."""
    return {
        name: hmac.new(key.encode(), json.dumps(value, sort_keys=True, default=str).encode(), "sha256").hexdigest()
        for name, value in values.items()
    }


def versions(fast: bool) -> dict[str, str]:
    wanted = (*_PACKAGES, *((FAST_PACKAGE,) if fast else ()))
    return {"python": platform.python_version(), **{name: _version(name) for name in wanted}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
