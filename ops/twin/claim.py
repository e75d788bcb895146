"""One twin of a name on a machine: who holds the name, and who is working on it right now."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.errors import OpsError, UsageError
from ops.system.limits import raise_limits, restore_limits
from ops.system.lock import alone
from ops.world import states_folder, twin_state

RUN = Path("/run/kominfo-ops")
LIMITS = "kernel-limits"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def check_name(name: str) -> None:
    """A twin's name becomes part of namespace and cgroup names."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a twin (lower-case letters, digits and -, at most 31)")


def locks() -> Path:
    """Root's twins are known to the whole machine, another user's to the own state folder."""
    return RUN if os.geteuid() == 0 else states_folder() / "run"


@contextmanager
def working_on(name: str) -> Iterator[None]:
    """Only one `ops twin` at a time changes a twin. OpsError names the other one."""
    check_name(name)
    locks().mkdir(parents=True, exist_ok=True, mode=0o755)
    with alone(locks() / f"{name}.lock", f"work on the twin {name}"):
        yield


def take(name: str) -> None:
    """Claim the name for this state folder. OpsError when a twin of another state folder has it."""
    check_mine(name)
    (RUN / f"{name}.json").write_text(json.dumps({"state": str(twin_state(name).resolve())}) + "\n", encoding="utf-8")
    raise_limits(RUN / LIMITS)


def release(name: str) -> None:
    for kind in ("json", "lock"):
        (RUN / f"{name}.{kind}").unlink(missing_ok=True)
    if not standing():
        restore_limits(RUN / LIMITS)  # the last twin of this machine is gone


def standing() -> list[str]:
    """Every twin of this machine, whatever its state folder."""
    return sorted(path.stem for path in RUN.glob("*.json"))


def mine() -> list[str]:
    """Every twin of this state folder, also half-made ones."""
    found = {path.name for path in (states_folder() / "twin").glob("*") if path.is_dir()}
    return sorted(found | {name for name in standing() if _owner(name) == str(twin_state(name).resolve())})


def _owner(name: str) -> str:
    path = RUN / f"{name}.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["state"])
    except (OSError, ValueError, KeyError):
        return ""


def check_mine(name: str) -> None:
    owner = _owner(name)
    if owner and owner != str(twin_state(name).resolve()):
        root = Path(owner).parent.parent
        raise OpsError(
            f"the twin named {name} belongs to the state folder {root}",
            f"choose another --name, or OPS_STATE={root} ops twin down --name {name}",
        )
