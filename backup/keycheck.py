"""Which keys open the repositories, compared with those that the ledger registered. One more is an alarm.

A stolen credential of a source host may add a key file to its repository (append-only keeps bytes, nothing else), so
the vault's folders are looked at, not what a host says.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

FILE = "backup/keys.json"  # below the state: what the last check found
HOST, DRILL, ESCROW = "host", "drill", "escrow"
ROLES = (HOST, DRILL, ESCROW)


def registered(ledger: Iterable[Mapping[str, Any]], of: str) -> dict[str, str]:
    """Key id → role, of one set. A line without a role was written before there were others than the host's."""
    return {line["key"]: line.get("role", HOST) for line in ledger if line["event"] == "key" and line["of"] == of}


def newest(ledger: Iterable[Mapping[str, Any]], of: str, role: str) -> str:
    """Id of the newest registered key of that role; empty when there is none."""
    found = [key for key, one in registered(ledger, of).items() if one == role]
    return found[-1] if found else ""


def unknown(there: Mapping[str, Sequence[str]], ledger: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Set → key ids that lie in its repository and were registered by nobody; an empty list for a good one.

    `there`: set → names of the files below `keys/`, which are the ids.
    """
    return {of: sorted(set(ids) - registered(ledger, of).keys()) for of, ids in sorted(there.items())}


def missing(there: Mapping[str, Sequence[str]], ledger: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Set → registered key ids whose file is gone: one day nobody could open it. Only sets that lack one."""
    lost = {of: sorted(registered(ledger, of).keys() - set(ids)) for of, ids in sorted(there.items())}
    return {of: ids for of, ids in lost.items() if ids}


def save(state: Path, found: Mapping[str, Sequence[str]]) -> None:
    """Keep what a check found where metrics are made of it."""
    path = state / FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"at": time.time(), "unknown": found}, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)
