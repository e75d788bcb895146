"""A whole PostgreSQL server as its files: back several times faster than a dump, but only in the same major version.

Its row sums are those of a named point in the server's log, to which a drill recovers the copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup.hostside import memory, pg, pg_physical, pg_prove, pg_recover, pg_server, piped, programs
from backup.restic import LONG, MODULES, Restic
from backup.sources.contract import Asked, Place, Restored, Taken, streamed, table_counts
from ops.system import hostpython

ONE_FILE = True
RUN_AS = "postgres"
WHERE: tuple[str, ...] = ()  # psql's words for a server that is no cluster of Debian's


def take(restic: Restic, asked: Asked) -> Taken:
    """Nothing is saved unless files, log and row sums all came to their end. HostFailedError tells what did not."""
    path = f"/{asked.source}.tar"
    words = [*restic.backup_words(restic.where.name, [asked.key]), "--stdin-filename", path]
    about = {
        "cluster": asked.source,
        "run_as": RUN_AS,
        "where": list(WHERE),
        "timezone": asked.timezone,
        "call": restic.call(words, LONG),
        "remembered": asked.memory_file,
    }
    called = hostpython.Call((*MODULES, memory, pg, pg_server, piped, pg_physical), "backup", about, LONG + 60)
    return streamed(restic, asked, path, hostpython.call(restic.where, called))


def look(restic: Restic, place: Place, manifest: Mapping[str, Any]) -> Restored:
    """Recover the copy on a throw-away server without any network and ask every database of it the same questions."""
    arguments = {
        "folder": place.folder,
        "dump": place.data,
        "run_as": place.run_as,
        "wanted": {name: manifest[name] for name in ("version", "superuser", "point")},
        "asked": {"timezone": place.timezone, "read": manifest.get("read")},
        "timeout": place.limit,
    }
    asked = hostpython.Call((programs, pg, pg_server, pg_prove, pg_recover), "prove", arguments, place.limit + 120)
    return Restored.told(hostpython.call(restic.where, asked))


def counts(content: Mapping[str, Any]) -> dict[str, int]:
    return {"databases": len(content["databases"]), **table_counts(content)}
