"""Routers whose running configuration is no longer the accepted one.

Accepted is what a router's configuration was right after the last apply that changed it, or what a person accepted;
before either, the first one that was kept. It is compared with the newest one that the job `config-backup` kept, so the
routers are asked nothing. One that was read before the last acceptance says nothing yet.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.inventory.model import Router
from ops.jobs import config_backup
from ops.progress import Event, Progress, State, silent
from ops.targets import device_config
from ops.world import World

STEP = "accept configuration"
FOLDER = "manifests/routers"
SHOWN = 40  # changed lines of a finding; `git log -p` in <state>/configs has all


@dataclass(frozen=True)
class Reconfigured:
    """A router whose configuration differs from the accepted one. `at`: when it was read, epoch seconds."""

    router: str
    opd: str
    at: float
    commit: str
    lines: tuple[str, ...]
    because: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def look(world: World, opds: Sequence[str] = ()) -> list[Reconfigured]:
    """All routers, or those of some offices, by what was kept of them."""
    found = (_look(world, opd.code, router.name) for opd, router in config_backup.routers(world, opds))
    return [one for one in found if one]


def accept_kept(world: World, names: Iterable[str]) -> None:
    """Accept what was kept last of these routers."""
    for name in names:
        if kept := _kept(world, name):
            _write(world, name, kept)


def accept_now(world: World, names: Iterable[str], progress: Progress = silent) -> None:
    """Accept what these routers have now, as after an apply. Of one that does not answer nothing is accepted any more:
    the next kept configuration will be."""
    wanted = set(names)
    routers = [router for _, router in config_backup.routers(world) if router.name in wanted]

    def one(router: Router) -> None:
        try:
            _write(world, router.name, device_config.read(world, router))
        except OpsError as error:
            _file(world, router.name).unlink(missing_ok=True)
            progress(Event(STEP, router.name, State.FAILED, device_config.why(world, error)))

    if routers:
        with ThreadPoolExecutor(device_config.AT_ONCE, initializer=world.enter) as pool:
            list(pool.map(one, routers))


def _look(world: World, opd: str, router: str) -> Reconfigured | None:
    seen, path = config_backup.seen(world, router), _file(world, router)
    if seen is None or (path.is_file() and seen < path.stat().st_mtime):
        return None
    if path.is_file() and _kept_file(world, router) == path.read_text(encoding="utf-8"):
        return None  # git need not be asked
    kept = _kept(world, router)
    if kept is None:
        return None
    accepted = path.read_text(encoding="utf-8") if path.is_file() else _write(world, router, kept)
    if accepted == kept:
        return None
    newest = config_backup.changed_since(world, router)[0]
    because = f"accepted configuration of {router} ({opd}); kept as {newest.id[:12]}: {newest.what}"
    return Reconfigured(router, opd, seen, newest.id, tuple(_changed(accepted, kept)[:SHOWN]), because)


def _changed(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for number, line in enumerate(lines) if number > 1 and not line.startswith("@@")]


def _kept(world: World, router: str) -> str | None:
    return config_backup.files(world).last(f"{router}.cfg")


def _kept_file(world: World, router: str) -> str:
    return (world.state / config_backup.FOLDER / f"{router}.cfg").read_text(encoding="utf-8")


def _file(world: World, router: str) -> Path:
    return world.state / FOLDER / f"{router}.cfg"


def _write(world: World, router: str, content: str) -> str:
    path = _file(world, router)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(content, encoding="utf-8")
    fresh.replace(path)
    return content
