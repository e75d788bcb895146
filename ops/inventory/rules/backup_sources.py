"""A source is an absolute path or a database name, and nothing is backed up twice."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import BackupSet, Region
from ops.inventory.walk import Claim, backups, claimed_twice

_DATABASE = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_CLUSTER = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SERVERS_OWN = {
    "postgresql": ("postgres", "template0", "template1", "public", "none"),  # databases and roles
    "mariadb": ("mysql", "information_schema", "performance_schema", "sys", "root"),
}
_SPELT = {"postgresql": "PostgreSQL", "mariadb": "MariaDB"}


def check(region: Region) -> Iterable[Finding]:
    for _, kept in backups(region):
        yield from _form(kept)
    claims = (
        Claim(f"{kept.server}:{kept.source}", kept, "source", f"{opd.code}'s set {kept.name}")
        for opd, kept in backups(region)
    )
    yield from claimed_twice(claims, "one source belongs to one set")


def _form(kept: BackupSet) -> Iterable[Finding]:
    engine, _, physical = kept.kind.partition("-")
    if engine in _SERVERS_OWN:
        yield from _server(kept, engine) if physical else _database(kept, engine)
        return
    first, *parts = kept.source.split("/")
    if first or not parts or any(part in ("", ".", "..") for part in parts):
        hint = "write the whole path of a folder, as /srv/opd/dinkes"
        yield Finding(kept, "source", f"{kept.source!r} is no absolute path below /", hint)
    elif "{{" in kept.source:
        yield Finding(kept, "source", f"{kept.source!r} holds {{{{", "so are secrets named; rename the folder")


def _database(kept: BackupSet, engine: str) -> Iterable[Finding]:
    if not _DATABASE.fullmatch(kept.source):
        what = f"{kept.source!r} is no database name"
        yield Finding(kept, "source", what, "lower-case letters, digits and _, a letter first, up to 63")
    elif kept.source in _SERVERS_OWN[engine] or (engine == "postgresql" and kept.source.startswith("pg_")):
        hint = "its owner has the same name: give the office a database of its own"
        yield Finding(kept, "source", f"{kept.source} belongs to {_SPELT[engine]} itself", hint)


def _server(kept: BackupSet, engine: str) -> Iterable[Finding]:
    """A physical copy is of a whole server, which Debian knows by a name: main, mariadb."""
    if not _CLUSTER.fullmatch(kept.source):
        usual = "main" if engine == "postgresql" else "mariadb"
        yield Finding(kept, "source", f"{kept.source!r} is no name of a {_SPELT[engine]} server", f"usually {usual}")
