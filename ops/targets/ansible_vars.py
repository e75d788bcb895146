"""Variables of offices for Ansible, as files on the station: `<state>/ansible/opd/<code>.yml`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from ops.plan.change import Artifact, Change, Result
from ops.progress import Event, Progress, State
from ops.targets.contract import Reading
from ops.world import World

KIND = "ansible-vars"
HOST = "station"


def folder(world: World) -> Path:
    return world.state / "ansible/opd"


class StationApplier:
    """Writes files on this machine, each in one step."""

    name = "station"

    def apply(self, world: World, changes: Sequence[Change], progress: Progress) -> list[Result]:
        folder(world).mkdir(parents=True, exist_ok=True, mode=0o700)
        results = [Result(change, self._one(world, change)) for change in changes]
        wrong = [result for result in results if result.error]
        state = State.FAILED if wrong else State.CHANGED
        progress(Event("apply", HOST, state, wrong[0].error if wrong else f"{len(results)} changes"))
        return results

    def _one(self, world: World, change: Change) -> str:
        path = folder(world) / Path(change.key).name
        fresh = path.with_name(f".{path.name}.new")
        try:
            if change.after is None:
                path.unlink(missing_ok=True)
                return ""
            with fresh.open("w", encoding="utf-8") as out:
                out.write(change.after)
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                fresh.unlink()
            return f"{path}: {error.strerror}"
        return ""


class StationFiles:
    kind = KIND
    applier = StationApplier()

    def read(self, world: World, wanted: Sequence[Artifact], opds: Sequence[str] = ()) -> Reading:  # noqa: ARG002 # all files
        reading = Reading()
        for path in sorted(folder(world).glob("[!.]*")):
            try:
                reading.contents[f"{HOST}/{path.name}"] = path.read_text(encoding="utf-8", errors="replace")
            except OSError as error:
                reading.failed[HOST] = f"{path}: {error.strerror}"
        return reading


TARGET = StationFiles()
