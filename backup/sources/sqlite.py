"""One SQLite file: a consistent copy made by SQLite itself, with rows, row sums and definitions of that very copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup.hostside import memory, sqlite
from backup.restic import LONG, MODULES, Restic
from backup.sources.contract import Asked, Place, Restored, Taken, table_counts
from backup.trouble import ResticError, Trouble
from ops.system import hostpython

ONE_FILE = True


def take(restic: Restic, asked: Asked) -> Taken:
    """Whoever uses the file goes on meanwhile. HostFailedError when it is not there or no SQLite file."""
    path = f"/{asked.source.rpartition('/')[2]}"
    words = [*restic.backup_words(restic.where.name, [asked.key]), "--stdin-filename", path]
    about = {"database": asked.source, "call": restic.call(words, LONG), "remembered": asked.memory_file}
    called = hostpython.Call((*MODULES, memory, sqlite), "backup", about, LONG + 60)
    answer = hostpython.call(restic.where, called)
    saved = restic.saved(answer["done"])
    if saved.bytes != answer["facts"]["bytes"]:
        what = f"{restic.where.name}: {asked.source}: restic read {saved.bytes} of {answer['facts']['bytes']} bytes"
        raise ResticError(Trouble.INCOMPLETE, what)
    return Taken(saved, path, answer["facts"], figures=answer["figures"])


def look(restic: Restic, place: Place, manifest: Mapping[str, Any]) -> Restored:
    """The restored file, as it lies there: opened so that nothing is written, with SQLite's own check of all pages."""
    del manifest
    arguments = {"database": place.data, "run_as": place.run_as}
    asked = hostpython.Call((*MODULES, memory, sqlite), "facts", arguments, place.limit)
    return Restored(hostpython.call(restic.where, asked))


counts = table_counts
