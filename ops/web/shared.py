"""What all visits of one application share: the world as it is declared now, the desk, settings, and kept things."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

from ops.errors import OpsError
from ops.runs.foreground import Desk
from ops.system.secrets import Secrets
from ops.web.accounts.tables import TABLES
from ops.world import World

if TYPE_CHECKING:
    from ops.web.page import Page
    from ops.web.rendering import Rendering

_LOOK_SECONDS = 5.0  # how often the inventory's files are looked at
_SHORTEST_SECRET = 8  # characters; what is shorter may be a word that pages need
T = TypeVar("T")


class Declared:
    """A world whose declarations are read anew when its files have changed. A broken edit leaves all as it was."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stamp = _stamp(world)
        self._looked = time.monotonic()
        self._lock = threading.Lock()

    def now(self) -> World:
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK_SECONDS:
                self._looked = time.monotonic()
                self._look()
            return self._world

    def _look(self) -> None:
        if (stamp := _stamp(self._world)) == self._stamp:
            return
        fresh = dataclasses.replace(self._world)  # without what the old one has read
        try:
            fresh.region  # noqa: B018 # reads it
        except OpsError:
            return
        self._world, self._stamp = fresh, stamp


def _stamp(world: World) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in world.inventory.rglob("*.yml")))


@dataclass
class Shared:
    """`keep(make)`: what `make(world)` gives, made once for this application and closed with it if it can be."""

    world: World
    pages: tuple[Page, ...]
    rendering: Rendering
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.declared = Declared(self.world)
        self.desk = Desk.of(self.world)
        self.desk.database.create(TABLES)
        self._kept: dict[Any, Any] = {}
        self._secrets: tuple[int, dict[str, str]] = (-1, {})
        self._lock = threading.RLock()

    def keep(self, make: Callable[[World], T]) -> T:
        with self._lock:
            if make not in self._kept:
                self._kept[make] = make(self.declared.now())
            found: T = self._kept[make]
            return found

    def hidden(self) -> dict[str, str]:
        """Secrets' values as they would stand in HTML → what to show instead; read anew when the file has changed."""
        path = self.world.secrets.path
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        with self._lock:
            if stamp != self._secrets[0]:
                values = Secrets(path).hidden() if stamp else {}
                long = {value: shown for value, shown in values.items() if len(value) >= _SHORTEST_SECRET}
                self._secrets = (stamp, {escape(value): escape(shown) for value, shown in long.items()})
            return self._secrets[1]

    def close(self) -> None:
        """Streams end, kept things are closed, then the database."""
        self.closing.set()
        for kept in self._kept.values():
            if callable(close := getattr(kept, "close", None)):
                close()
        self.desk.database.close()
