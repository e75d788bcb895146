"""One PostgreSQL database: a dump that streams into restic, with rows, row sums and objects of the same snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup.hostside import memory, pg, pg_backup, pg_prove, programs
from backup.restic import LONG, MODULES, Restic
from backup.sources.contract import Asked, Place, Restored, Taken, streamed, table_counts
from ops.system import hostpython

ONE_FILE = True
RUN_AS = "postgres"
WHERE: tuple[str, ...] = ()  # psql's words for a server that is not the host's default one


def take(restic: Restic, asked: Asked) -> Taken:
    """Only a dump that ended well and holds bytes is a backup; restic itself would save an empty one."""
    path = f"/{asked.source}.dump"
    words = [*restic.backup_words(restic.where.name, [asked.key]), "--stdin-filename", path]
    about = {
        "database": asked.source,
        "run_as": RUN_AS,
        "where": list(WHERE),
        "timezone": asked.timezone,
        "call": restic.call(words, LONG),
        "remembered": asked.memory_file,
    }
    called = hostpython.Call((*MODULES, memory, pg, pg_backup), "backup", about, LONG + 60)
    return streamed(restic, asked, path, hostpython.call(restic.where, called))


def look(restic: Restic, place: Place, manifest: Mapping[str, Any]) -> Restored:
    """Load the dump into a throw-away server without any network and ask it the same questions."""
    arguments = {
        "folder": place.folder,
        "dump": place.data,
        "run_as": place.run_as,
        "roles": manifest["roles"],
        "asked": {"timezone": place.timezone, "read": manifest.get("read")},
        "timeout": place.limit,
    }
    asked = hostpython.Call((programs, pg, pg_prove), "prove", arguments, place.limit + 120)
    return Restored.told(hostpython.call(restic.where, asked))


counts = table_counts
