"""Keep every router's running configuration in a git repository: one file each, one commit per change."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from ops.errors import OpsError, PartlyAppliedError, UsageError
from ops.inventory.model import Opd, Router
from ops.progress import Event, Progress, State, silent
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job, named
from ops.system.git import Commit, GitFiles
from ops.targets import device_config
from ops.world import World

STEP = "keep configuration"
FOLDER = "configs"
NAMED = 60  # changed lines that a commit's message names; `git show` has all


@dataclass(frozen=True)
class ConfigResult:
    """What came of one router. `commit` is empty when nothing changed, `error` when it could be read and kept."""

    router: str
    opd: str
    commit: str = ""
    lines: int = 0
    added: int = 0
    removed: int = 0
    error: str = ""
    next_step: str = ""

    @property
    def ok(self) -> bool:
        return not self.error

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}


def _scope(world: World, args: Args) -> Scope:
    asked = routers(world, named(args, "opd"))
    hosts = tuple(sorted(router.name for _, router in asked))
    return Scope(tuple(sorted({opd.code for opd, _ in asked})), hosts, tuple(f"host:{name}" for name in hosts))


@job(
    "config-backup", "keep the routers' running configurations", scope=_scope, takes=("opd",), timeout=HOURS, attempts=2
)
def CONFIG_BACKUP(run: Inside) -> Verdict:
    done = config_backup(run.world, named(run.args, "opd"), run.progress)
    for result in done:
        state = "failed" if result.error else "changed" if result.commit else "ok"
        run.subject("host", result.router, state, result.error)
        run.subject("opd", result.opd, state, result.error)
    failed = [result.router for result in done if result.error]
    error = PartlyAppliedError(f"not kept: {', '.join(failed)}", "mend them, then try again") if failed else None
    return Verdict({"routers": [result.as_dict() for result in done]}, error)


def config_backup(world: World, opds: Sequence[str] = (), progress: Progress = silent) -> list[ConfigResult]:
    """Read and keep the configurations of all routers, or of those of some offices. A router that fails, fails alone.

    UsageError for an unknown office; OpsError when the repository itself can not be made.
    """
    asked = routers(world, opds)
    files(world).make()
    if not asked:
        return []
    with ThreadPoolExecutor(device_config.AT_ONCE, initializer=world.enter) as pool:
        return list(pool.map(lambda one: keep(world, one[0], one[1], progress), asked))


def routers(world: World, opds: Sequence[str] = ()) -> list[tuple[Opd, Router]]:
    """Every declared router with its office, or those of some offices."""
    known = {opd.code for opd in world.region.opds}
    if missing := sorted(set(opds) - known):
        raise UsageError(f"no office has the code {missing[0]!r}", f"known: {', '.join(sorted(known))}")
    return [(opd, router) for opd in world.region.opds for router in opd.routers if not opds or opd.code in opds]


def keep(world: World, opd: Opd, router: Router, progress: Progress = silent) -> ConfigResult:
    """One router, from the world's network. Several processes may do this at once, also for one router."""
    progress(Event(STEP, router.name, State.RUNNING))
    try:
        result = _keep(world, opd, router)
    except OpsError as error:
        why = device_config.why(world, error)
        progress(Event(STEP, router.name, State.FAILED, why))
        return ConfigResult(router.name, opd.code, error=why, next_step=error.next_step)
    changed = f"{result.added} added, {result.removed} removed" if result.commit else "unchanged"
    state = State.CHANGED if result.commit else State.OK
    progress(Event(STEP, router.name, state, f"{result.lines} lines, {changed}"))
    return result


def changed_since(world: World, router: str, since: float = 0.0) -> list[Commit]:
    """The kept changes of a router's configuration, newest first. `since`: epoch seconds."""
    return files(world).commits(_file(router), since)


def seen(world: World, router: str) -> float | None:
    """When a router's configuration was read last, changed or not; epoch seconds, None for never."""
    return files(world).seen(_file(router))


def files(world: World) -> GitFiles:
    """The repository of a world: `<state>/configs`."""
    return GitFiles(world.state / FOLDER, "kominfo-ops", f"kominfo-ops@{world.region.domain}")


def _keep(world: World, opd: Opd, router: Router) -> ConfigResult:
    content = device_config.read(world, router)

    def message(before: str | None) -> str:
        title = f"{router.name} ({opd.code}): "
        if before is None:
            return f"{title}first configuration, {len(content.splitlines())} lines"
        changed = _changed(before, content)
        return "\n".join([title + "{} lines added, {} removed".format(*_counts(changed)), "", *_named(changed)])

    kept = files(world).put(_file(router.name), content, message)
    counts = _counts(_changed(kept.before or "", content))
    return ConfigResult(router.name, opd.code, kept.commit, len(content.splitlines()), *counts)


def _changed(before: str, after: str) -> list[str]:
    """The lines taken away and added, each with its sign."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for number, line in enumerate(lines) if number > 1 and not line.startswith("@@")]


def _named(changed: Sequence[str]) -> list[str]:
    more = len(changed) - NAMED
    return [*changed[:NAMED], *([f"… {more} more lines"] if more > 0 else [])]


def _counts(changed: Sequence[str]) -> tuple[int, int]:
    """How many lines were added, how many removed."""
    added = sum(line.startswith("+") for line in changed)
    return added, len(changed) - added


def _file(router: str) -> str:
    return f"{router}.cfg"
