"""Prove one set: restore it into an isolated folder, look at all of it, compare, measure, clean up, leave evidence.

Every step is a checkpoint (`backup/steps.py`): a drill that is killed goes on at the first step that had not ended.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from backup import journal, steps
from backup.drilled import Drill
from backup.hostside import pg, pg_prove, programs
from backup.layout import Item
from backup.places import Places
from backup.stages import Story, prove
from backup.steps import Book, Name
from ops.errors import OpsError, RefusedError
from ops.progress import Event, Progress, State
from ops.runs.model import Keep, at_once
from ops.system import hostpython
from ops.system.signals import uninterrupted

CLEANUP_SECONDS = 120.0
_PROVE = (programs, pg, pg_prove)


def run(spots: Places, item: Item, progress: Progress, keep: Keep = at_once, name: Name | None = None) -> Drill:
    """Drill one set, or go on with it. Never raises for a drill that does not prove: the Drill says so.

    `keep` makes the checkpoints; `name` is that of the drill to go on with. RefusedError where nothing may be
    restored, or when what it had restored was taken away meanwhile.
    """
    name = name or Name.fresh(spots, item)
    declared = float(keep(f"drill {item.key}: declare", lambda: {"at": time.time()})["at"])
    book = Book(spots, item, name, keep)
    drill = Drill(name.id, item, declared, book.steps, resumed=book.journal.resumed)
    story = Story(spots, drill, book, name.folder, progress)
    try:
        prove(story)
    except RefusedError:
        _abandon(story)
        raise
    except OpsError as error:
        drill.failure, drill.error = f"{book.at}: {error.what}", error
    except BaseException:
        with uninterrupted():  # also a drill that is cancelled takes away what it restored
            _abandon(story)
        raise
    with uninterrupted():
        _clean(story)
    book.journal.close(drill.cleaned)
    if keep is at_once:
        steps.forget(spots, name.id)
    return drill


def clean_abandoned(spots: Places, restic_on: Any, progress: Progress, but: Collection[str] = ()) -> int:
    """Take away what killed drills, or those that could not clean up, left; how many it were. `restic_on`: name → Exec.

    `but`: drills that go on. A server that cannot be reached stops no drill: it is tried again the next time.
    """
    cleaned = 0
    for one in journal.abandoned(spots.journals):
        if one["drill"] in but:
            continue
        try:
            _remove(restic_on(one["server"]), one["folder"])
        except OpsError as error:
            progress(Event("clean up", one["drill"], State.FAILED, error.what))
            continue
        journal.close_abandoned(one["path"])
        steps.forget(spots, one["drill"])
        progress(Event("clean up", one["drill"], State.CHANGED, "left by a drill that was cut off"))
        cleaned += 1
    return cleaned


def _clean(run: Story) -> None:
    """A step like any other: a drill that leaves something behind is not proven."""
    drill = run.drill

    def work() -> dict[str, Any]:
        if run.restic:
            _remove(run.restic.where, run.folder)
        return {}

    try:
        run.book.step("clean up", f"remove {run.folder}", work)
        drill.cleaned = True
    except OpsError as error:
        drill.failure, drill.error = drill.failure or f"clean up: {error.what}", drill.error or error


def _abandon(run: Story) -> None:
    """Cancelled or refused: nothing of it stays."""
    try:
        if run.restic:
            _remove(run.restic.where, run.folder)
        run.book.journal.close()
        steps.forget(run.spots, run.drill.id)
    except OpsError:
        run.book.journal.close(cleaned=False)


def _remove(where: Any, folder: str) -> None:
    hostpython.call(where, hostpython.Call(_PROVE, "remove", {"folder": folder}, CLEANUP_SECONDS))
