"""The last finding of each host, `<state>/drift/<host>.json`: what `exporters.drift` serves."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from ops.sweep.compare import Drifted
from ops.sweep.item import Manifest
from ops.world import World

FOLDER = "drift"


def note(world: World, host: str, differ: Mapping[str, int], is_unknown: bool) -> None:
    """Leave how many things differ on a host, by scope; and whether it, or a part of it, could not be looked at."""
    folder = world.state / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    told = {"host": host, "at": time.time(), "unknown": is_unknown, "differ": dict(differ)}
    fresh = folder / f".{host}.new"
    fresh.write_text(json.dumps(told), encoding="utf-8")
    fresh.replace(folder / f"{host}.json")


def scopes(manifest: Manifest) -> tuple[str, ...]:
    """Whose things are on the host: office codes, `_region`."""
    return tuple(sorted({item.scope for item in manifest.items}))


def counted(of: Iterable[str], items: Iterable[Drifted]) -> dict[str, int]:
    """How many things differ, by scope; 0 for a scope of which nothing does."""
    return dict.fromkeys(of, 0) | Counter(item.scope for item in items)


def forget(world: World, known: Collection[str]) -> None:
    """Drop the findings of hosts that are not declared any more."""
    for path in (world.state / FOLDER).glob("*.json"):
        if path.stem not in known:
            path.unlink(missing_ok=True)
