"""Prove one set: restore it into an isolated folder, look at all of it, compare, measure, clean up, leave evidence.

Every step is a checkpoint (`backup/steps.py`): a drill that is killed goes on at the first step that had not ended.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from backup import journal, standby, steps
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
    story = opened(spots, item, progress, keep, name)
    try:
        proved(story)
    except BaseException:
        with uninterrupted():  # refused or cancelled: also then it takes away what it restored
            abandon(story)
        raise
    closed(story)
    if keep is at_once:
        steps.forget(spots, story.drill.id)
    return story.drill


def opened(spots: Places, item: Item, progress: Progress, keep: Keep = at_once, name: Name | None = None) -> Story:
    """A drill that is declared, or goes on."""
    name = name or Name.fresh(spots, item)
    declared = float(keep(f"drill {item.key}: declare", lambda: {"at": time.time()})["at"])
    book = Book(spots, item, name, keep)
    drill = Drill(name.id, item, declared, book.steps, resumed=book.journal.resumed)
    return Story(spots, drill, book, name.folder, progress)


def proved(story: Story) -> None:
    """Restore and compare; what went wrong stands in the drill. What was restored stays until `closed`, or `abandon`.

    RefusedError as `run`.
    """
    drill, book = story.drill, story.book
    try:
        prove(story)
    except RefusedError:
        raise
    except OpsError as error:
        drill.failure, drill.error = f"{book.at}: {error.what}", error


def closed(story: Story) -> None:
    """Clean up, whatever is pressed meanwhile."""
    with uninterrupted():
        _clean(story)
    story.book.journal.close(story.drill.cleaned)


def clean_abandoned(spots: Places, restic_on: Any, progress: Progress, but: Collection[str] = ()) -> int:
    """Take away what killed drills, or those that could not clean up, left; how many it were. `restic_on`: name → Exec.

    `but`: drills that go on. A server that cannot be reached stops no drill: it is tried again the next time.
    """
    cleaned = 0
    for one in journal.abandoned(spots.journals):
        if one["drill"] in but:
            continue
        try:
            there = restic_on(one["server"])
            if one.get("standby"):
                standby.stop(there, one["folder"])
            remove(there, one["folder"])
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
            remove(run.restic.where, run.folder)
        return {}

    try:
        run.book.step("clean up", f"remove {run.folder}", work)
        drill.cleaned = True
    except OpsError as error:
        drill.failure, drill.error = drill.failure or f"clean up: {error.what}", drill.error or error


def abandon(run: Story) -> None:
    """Cancelled or refused: nothing of it stays."""
    try:
        if run.restic:
            remove(run.restic.where, run.folder)
        run.book.journal.close()
        steps.forget(run.spots, run.drill.id)
    except OpsError:
        run.book.journal.close(cleaned=False)


def remove(where: Any, folder: str) -> None:
    hostpython.call(where, hostpython.Call(_PROVE, "remove", {"folder": folder}, CLEANUP_SECONDS))
