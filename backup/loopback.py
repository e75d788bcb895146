"""Backups without servers: in a loopback twin sources, vault and drills are folders of this machine.

The code that takes and proves backups is the same; programs run here, as whoever runs `ops`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from backup import layout
from backup.hostside import pg_prove
from backup.layout import Item
from backup.restic import AT_LEAST, Repository, Restic, Secret
from ops.errors import ToolMissingError
from ops.system import tools
from ops.system.process import Ask, Done, Exec, Local, run
from ops.world import ALL_OF_IT, World

TREES, VAULT = "hosts", "vault"  # folders of the state: the servers' trees, the repositories
DRILL_SERVER = "this-machine"
NOTE = "kembaran loopback, semua di satu mesin / loopback twin, all on one machine"  # stands on the evidence
SUPERUSER = "postgres"
NOT_HERE = ("postgresql-physical", "mariadb", "mariadb-physical")  # sets that need a server of their own


class Here:
    """This machine in the place of the server `name`. `env`: added to what every program is given."""

    def __init__(self, name: str, env: Mapping[str, str]) -> None:
        self.name, self.env = name, env

    def run(self, argv: Sequence[str], ask: Ask = Ask()) -> Done:  # noqa: B008 # Ask is frozen
        return Local().run(argv, replace(ask, env={**self.env, **ask.env}))


def room(world: World) -> Path:
    """A folder with a short path (a PostgreSQL socket's may have 107 characters), gone with the twin."""
    return Path(world.facts["room"])


def drill_folder(world: World) -> str:
    return str(room(world) / "d")


def on(world: World) -> Callable[[str], Exec]:
    """Every server is this machine; its PostgreSQL is the twin's own."""
    env = {"PGHOST": str(room(world)), "PGUSER": SUPERUSER}
    return lambda name: Here(name, env)


def restic(world: World, item: Item, key: str) -> Restic:
    """The repository of one set. ToolMissingError without a restic that is new enough."""
    password = Secret(world.secrets.get(layout.repository_secret(item.opd.code, item.set.name)))
    repository = Repository(str(world.state / VAULT / item.set.server / item.key), password, key_hint=key)
    return Restic(on(world)(item.set.server), repository, tools.find("restic", AT_LEAST))


def check(world: World, item: Item) -> None:
    """ToolMissingError when this machine lacks what backing up and proving this set needs."""
    tools.find("restic", AT_LEAST)
    if item.set.kind in NOT_HERE:
        raise ToolMissingError(f"{item.set.kind}: a loopback twin has no such server", ALL_OF_IT)
    if item.set.kind == "postgresql":
        postgresql()
        if not (room(world) / ".s.PGSQL.5432").exists():
            raise ToolMissingError("the twin's PostgreSQL does not run", f"ops twin up --name {world.name}")


def postgresql() -> Path:
    """The folder of PostgreSQL's programs. ToolMissingError when they cannot be used here."""
    if os.geteuid() == 0:
        raise ToolMissingError("PostgreSQL refuses to run as root", "the same command as another user")
    try:
        found = Path(pg_prove.newest_binaries())
    except RuntimeError as error:
        raise ToolMissingError(str(error), "apt-get install postgresql") from None
    isolated = run(["unshare", "--user", "--map-current-user", "--net", "--pid", "--fork", "true"], Ask(timeout=10))
    if not isolated.ok:
        why = isolated.err.strip() or "unshare failed"
        raise ToolMissingError(f"only root may isolate a restored database here: {why}", ALL_OF_IT)
    return found
