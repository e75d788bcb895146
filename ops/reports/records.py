"""What this station wrote down itself: backups, drills, test calls, checks for drift, readings of configurations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backup import places
from backup.chain import Chain
from ops.errors import OpsError
from ops.world import World

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Beside:
    """What rooms above this one know and hand down. `drifts`: summaries of drift jobs; `configurations`: by router,
    when its configuration was read last (None: never) and when it was found changed (Unix seconds)."""

    drifts: Sequence[Record] = ()
    configurations: Mapping[str, tuple[float | None, Sequence[float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Records:
    """All that was written down, of all offices and months. `broken`: what cannot be believed, and why."""

    ledger: Sequence[Record]
    drills: Sequence[Record]
    calls: Sequence[Record]
    drifts: Sequence[Record]
    configurations: Mapping[str, tuple[float | None, Sequence[float]]]
    broken: Mapping[str, str]


def records(world: World, beside: Beside = Beside()) -> Records:
    """Read what this station kept. A chain that is broken is told, and nothing of it is believed."""
    broken: dict[str, str] = {}
    spots = places.of(world)
    ledger = _chain(spots.ledger, "ledger", broken)
    index = _chain(Chain(spots.evidence / "index.jsonl"), "drills", broken)
    drills = [made for line in index if (made := _evidence(spots.evidence, line, broken))]
    calls = [_json(path) for path in sorted((world.state / "calls").glob("[!.]*.json"))]
    return Records(
        [line for line in ledger if line["event"] == "backup"],
        drills,
        [one for one in calls if one],
        _in_order(beside.drifts),
        beside.configurations,
        broken,
    )


def _in_order(drifts: Iterable[Record]) -> list[Record]:
    return sorted(drifts, key=lambda one: float(one["at"]))


def _chain(chain: Chain, name: str, broken: dict[str, str]) -> list[dict[str, Any]]:
    try:
        return chain.read()
    except OpsError as error:
        broken[name] = error.what
        return []


def _evidence(folder: Path, line: Record, broken: dict[str, str]) -> dict[str, Any]:
    """The record that a line of the chain speaks of; nothing when it is not that record any more."""
    path = folder / str(line["file"])
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != line["sha256"]:
        broken["drills"] = f"{path.name}: missing, or changed since it was written"
        return {}
    made: dict[str, Any] = json.loads(content)
    return made


def _json(path: Path) -> dict[str, Any]:
    """A test call's result; nothing when it is half written or of another form."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) and {"at", "from_opd", "to_opd", "ok", "faults"} <= found.keys() else {}
