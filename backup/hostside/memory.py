"""What a host remembers of the last backup of a set: so that unchanged files are not read twice, and masses are seen.

One root-only JSON file per set: {"at": epoch s, "canaries": […], "entries": {path: [stamp, sha256, looks encrypted]}}.
It is no evidence (who holds the host can change it); the signed manifests at the DRC are.
"""

# ruff: noqa: PTH103, PTH105, PTH120, PTH123 # names on hosts need not be text
from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

FEWEST = 20  # files below which a share says nothing
SETTLED_NS = 2_000_000_000  # a file changed so shortly before it was read may change again within the same tick
STAMP, SUM, EVEN = range(3)
Entries = Mapping[str, Sequence[Any]]


def load(path: str) -> dict[str, Any]:
    """What was remembered; {} the first time, and when the file cannot be read."""
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as text:
            found = json.load(text)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def save(path: str, value: Mapping[str, Any]) -> None:
    if not path:
        return
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as out:
        json.dump(value, out)
    os.replace(f"{path}.new", path)


def figures(before: Entries, now: Entries) -> dict[str, float]:
    """Shares of the files that were there before: changed or gone, and newly looking encrypted. {} for too few files.

    What vanished and came back under another name (an added ending) counts as one newly encrypted file.
    """
    if len(before) < FEWEST:
        return {}
    gone = [name for name in before if name not in now]
    changed = [name for name in before if name in now and before[name][SUM] != now[name][SUM]]
    turned = sum(bool(now[name][EVEN] and not before[name][EVEN]) for name in changed)
    fresh = sum(bool(entry[EVEN]) for name, entry in now.items() if name not in before)
    plain = sum(not before[name][EVEN] for name in gone)
    return {
        "changed_ratio": round((len(changed) + len(gone)) / len(before), 4),
        "encrypted_ratio": round((turned + min(fresh, plain)) / len(before), 4),
    }


def rows_lost(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, float]:
    """Share of a database's rows that went: an emptied or dropped table. {} where there were none before."""
    total = sum(before.values())
    lost = sum(max(0, rows - now.get(table, 0)) for table, rows in before.items())
    return {"changed_ratio": round(lost / total, 4)} if total else {}


def of_rows(path: str, now: Mapping[str, int], *, saved: bool) -> dict[str, float]:
    """Figures of a database against what is remembered; `saved`: whether this run takes its place."""
    found = rows_lost(load(path).get("rows", {}), now) if path else {}
    if saved:
        save(path, {"rows": now})
    return found
