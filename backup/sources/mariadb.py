"""One MariaDB database: its SQL streams into restic, with rows, row sums and objects of the same moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup.hostside import mariadb, mariadb_backup, mariadb_prove, memory, pg, pg_prove, piped, programs
from backup.restic import LONG, MODULES, Restic
from backup.sources.contract import Asked, Place, Restored, Taken, streamed, table_counts
from ops.system import hostpython

ONE_FILE = True
RUN_AS = "mysql"
WHERE: tuple[str, ...] = ()  # words of MariaDB's programs for a server that is not the host's own; root otherwise
PROVE = (programs, pg, pg_prove, mariadb, mariadb_prove)


def take(restic: Restic, asked: Asked) -> Taken:
    """Nothing is saved unless dump and row sums both came to their end. HostFailedError tells what did not."""
    path = f"/{asked.source}.sql"
    about = {"database": asked.source, **described(restic, asked, path)}
    called = hostpython.Call((*MODULES, memory, mariadb, piped, mariadb_backup), "backup", about, LONG + 60)
    return streamed(restic, asked, path, hostpython.call(restic.where, called))


def look(restic: Restic, place: Place, manifest: Mapping[str, Any]) -> Restored:
    """Load the dump into a throw-away server without any network and ask it the same questions."""
    arguments = {"bases": manifest["databases"], **looked(place, manifest)}
    return Restored.told(hostpython.call(restic.where, hostpython.Call(PROVE, "load", arguments, place.limit + 120)))


counts = table_counts


def described(restic: Restic, asked: Asked, path: str) -> dict[str, Any]:
    """What any backup of MariaDB is told."""
    words = [*restic.backup_words(restic.where.name, [asked.key]), "--stdin-filename", path]
    about = {"where": list(WHERE), "timezone": asked.timezone, "remembered": asked.memory_file}
    return {**about, "call": restic.call(words, LONG)}


def looked(place: Place, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What any drill of MariaDB is told."""
    asked = {"timezone": place.timezone, "read": manifest.get("read")}
    run_as = RUN_AS if place.run_as else ""
    return {"folder": place.folder, "dump": place.data, "run_as": run_as, "asked": asked, "timeout": place.limit}
