"""Where a world's backups are taken, kept and proven: one object that backup and drill are given."""

from __future__ import annotations

import os
import platform
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backup import keycheck, layout, loopback
from backup.chain import Chain
from backup.giving_way import GivingWay
from backup.layout import Item
from backup.restic import Repository, Restic, Secret
from backup.signing import Signer
from backup.trouble import ResticError, Trouble
from ops.errors import OpsError
from ops.system.process import Ask, Exec
from ops.world import World

VAULT, COPY = "vault", "copy"  # what drills may read


@dataclass(frozen=True)
class Places:
    """`source`: restic on the set's own host, append-only · `view`: restic on the drill server, read-only.

    Both are told the registered key's id, so that foreign key files are never tried.
    """

    region: str
    timezone: str
    state: Path
    source: Callable[[Item, str], Restic]
    view: Callable[[Item, str], Restic]
    drill_server: str
    drill_folder: str = layout.DRILL_FOLDER
    run_as: str = "postgres"  # account that restored databases are opened as; whoever runs `ops` when empty
    root: str = ""  # folder that holds the servers' trees in a loopback twin
    memory: str = ""  # folder on source hosts with what they know of earlier runs; canaries and figures need one
    host: Callable[[str], Exec] | None = None  # where programs of a source host run; none in a loopback twin
    received: Callable[[Item], str] = lambda _item: ""  # «<epoch s> <snapshot id>» lines, by the vault's own clock
    tell_vault: Callable[[str], None] = lambda _lines: None  # keeps lines where the station's own files do not lie
    vault_told: Callable[[], str] = str  # all lines that it was told
    place: str = VAULT  # that `view` reads: the vault, or the second copy
    key_files: Callable[[], str] = str  # paths …/<opd>.<set>/keys/<id> at the vault, one a line

    def path_of(self, item: Item) -> str:
        """A set's source by the name it has where it is read: a folder, a file, or a database."""
        above = f"{self.root}/{item.set.server}" if self.root and item.set.source.startswith("/") else ""
        return above + item.set.source

    def told(self, name: str) -> str:
        """A set as records name it: one that was read from elsewhere than the vault is another matter."""
        return name if self.place == VAULT else f"{name}@{self.place}"

    @property
    def ledger(self) -> Chain:
        """Every backup that this station took, and every key it registered."""
        return Chain(self.state / "ledger" / "backup.jsonl")

    def public_pem(self, entry: Mapping[str, Any]) -> str:
        """Who must have signed the manifest of this line of the ledger: its host's registered key, or the station's."""
        if not (mark := entry.get("signed_by")):
            return self.signer.public_pem()
        keys = [line["public"] for line in self.ledger.read() if line["event"] == "signer" and line["mark"] == mark]
        if not keys:
            raise OpsError(f"no host key {mark} is registered", "somebody changed the ledger; keep it as evidence")
        return str(keys[-1])

    @property
    def signer(self) -> Signer:
        return Signer(self.state / "keys")

    @property
    def evidence(self) -> Path:
        return self.state / "evidence"

    @property
    def journals(self) -> Path:
        return self.state / "drills"


def on(world: World) -> Callable[[str], Exec]:
    """Where programs of a server run, by its name."""
    return loopback.on(world) if world.loopback else world.fleet.on


def check(world: World, item: Item) -> None:
    """ToolMissingError where this world can neither back this set up nor prove it."""
    if world.loopback:
        loopback.check(world, item)


def of(world: World) -> Places:
    """The places of a real regency or of its twin."""
    return _loopback(world) if world.loopback else _servers(world)


def drill_key(state: Path, item: Item) -> str:
    """Id of the drills' own key of a set; empty where it was never registered: then they use the host's."""
    return keycheck.newest(Chain(state / "ledger" / "backup.jsonl").read(), item.key, keycheck.DRILL)


def _loopback(world: World) -> Places:
    def here(item: Item, key: str) -> Restic:
        return loopback.restic(world, item, key)

    def view(item: Item, key: str) -> Restic:
        own = drill_key(world.state, item)
        if not own:
            return here(item, key)
        restic = here(item, own)
        password = Secret(world.secrets.get(layout.drill_secret(item.opd.code, item.set.name)))
        return Restic(restic.where, replace(restic.repository, password=password), restic.program)

    def files() -> str:
        return "\n".join(map(str, (world.state / loopback.VAULT).glob("*/*/keys/*")))

    region, folder = world.region, loopback.drill_folder(world)
    name = f"{region.name} ({loopback.NOTE})"
    trees = str(world.state / loopback.TREES)
    server = loopback.DRILL_SERVER
    made = Places(name, region.timezone, world.state, here, view, server, folder, run_as="", root=trees)
    return replace(made, memory=str(world.state / "memory"), key_files=files)


def _servers(world: World) -> Places:
    region, secrets = world.region, world.secrets
    drills = region.recovery.drills.server

    def source(item: Item, key: str) -> Restic:
        host = item.set.server
        file = f"{layout.SET_FOLDER}/{layout.set_file(item.opd.code, item.set.name)}"
        repository = Repository(
            layout.source_url(region, item.opd.code, item.set),
            Secret(file=file, key="password"),
            host,
            Secret(file=layout.REST_PASSWORD_FILE),
            layout.CA_FILE,
            key,
            tuple(one.window for one in region.recovery.slow_hours),
            region.timezone,
        )
        return Restic(world.fleet.on(host), repository)

    def view(item: Item, key: str) -> Restic:
        own = drill_key(world.state, item)
        key, name = (own, layout.drill_secret) if own else (key, layout.repository_secret)
        repository = Repository(
            layout.view_url(region, item.opd.code, item.set),
            Secret(secrets.get(name(item.opd.code, item.set.name))),
            layout.VIEW_USER,
            Secret(secrets.get(layout.rest_secret(layout.VIEW_USER))),
            layout.CA_FILE,
            key,
        )
        return Restic(GivingWay(world.fleet.on(drills)), repository)

    def files() -> str:
        argv = ["find", layout.VAULT_FOLDER, "-mindepth", "4", "-maxdepth", "4", "-path", "*/keys/*", "-type", "f"]
        return world.fleet.on(region.recovery.vault.server).run(argv, Ask(timeout=60)).must().out

    def received(item: Item) -> str:
        folder = f"{layout.VAULT_FOLDER}/{item.set.server}/{item.key}/snapshots"
        argv = ["find", folder, "-type", "f", "-printf", "%T@ %f\\n"]
        return world.fleet.on(region.recovery.vault.server).run(argv, Ask(timeout=60)).must().out

    def tell(lines: str) -> None:
        words = f"umask 077; mkdir -p {layout.HEADS_FOLDER}; cat >> {layout.HEADS_FILE}; sync {layout.HEADS_FILE}"
        world.fleet.on(region.recovery.vault.server).run(["sh", "-c", words], Ask(timeout=30, input=lines)).must()

    def told() -> str:
        words = ["sh", "-c", f"test ! -e {layout.HEADS_FILE} || cat {layout.HEADS_FILE}"]
        return world.fleet.on(region.recovery.vault.server).run(words, Ask(timeout=60)).must().out

    made = Places(region.name, region.timezone, world.state, source, view, drills)
    asked = replace(made, memory=layout.MEMORY_FOLDER, key_files=files, tell_vault=tell, vault_told=told)
    return replace(asked, host=world.fleet.on, received=received)


def installed(restic: Restic) -> None:
    """ResticError unless the host holds all files that its secrets and certificate are in."""
    repository = restic.repository
    for file in (repository.password.file, repository.user_password.file, repository.ca):
        if file and not restic.where.run(["test", "-s", file], Ask(timeout=15)).ok:
            mend = "ops apply" if file.startswith(layout.SET_FOLDER) else "ops provision"
            error = ResticError(Trouble.EMPTY_PASSWORD, f"{restic.where.name}: {file} is not there yet")
            error.next_step = f"run `{mend}` first"
            raise error


def key_of(places: Places, item: Item) -> str:
    """Id of the newest registered key of the source host; empty before its first backup."""
    return keycheck.newest(places.ledger.read(), item.key, keycheck.HOST)


def who() -> str:
    """Who acts, for records: the person behind sudo if there is one."""
    return f"{os.environ.get('SUDO_USER') or pwd.getpwuid(os.getuid()).pw_name}@{platform.node()}"
