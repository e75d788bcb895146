"""Backup and drill on this machine: real restic, a real rest-server and a throw-away PostgreSQL, no mocks."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from backup.layout import Item
from backup.places import Places
from backup.restic import AT_LEAST, Repository, Restic, Secret
from ops.errors import ToolMissingError
from ops.inventory.model import BackupSet, Opd
from ops.system import tools
from ops.system.process import Local

CANARY = "kanari-9Zq7-rahasia"  # stands in every password; must be found nowhere else
CLIENT = "host1"


def restic_program() -> str:
    return _tool("restic", ("version",), AT_LEAST)


def _tool(name: str, ask: tuple[str, ...], at_least: tuple[int, ...]) -> str:
    try:
        return tools.find(name, at_least, ask)
    except ToolMissingError as error:
        pytest.skip(f"{error.what}: {error.next_step}")


def item(kind: str, source: str, name: str = "contoh") -> Item:
    opd = Opd.model_construct(code="dinkes", name="Dinas Contoh", backup=())
    declared = BackupSet(name=name, kind=kind, server="localhost", source=source, rpo="24h", rto="4h", owner="Contoh")
    return Item(opd, declared)


@dataclass
class Rig:
    """One repository on disk, the same one for source and view."""

    folder: Path
    repository: Path

    def restic(self, key: str = "", password: str = CANARY) -> Restic:
        return Restic(Local(), Repository(str(self.repository), Secret(password), key_hint=key), restic_program())

    @property
    def places(self) -> Places:
        def there(_item: Item, key: str) -> Restic:
            return self.restic(key)

        drills = str(self.folder / "d")
        return Places("Contoh", "Asia/Jakarta", self.folder / "state", there, there, "localhost", drills)


@contextmanager
def rig() -> Iterator[Rig]:
    """Short paths: a PostgreSQL socket's may have 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="prot-"))
    folder.chmod(0o711)
    try:
        yield Rig(folder, folder / "repository")
    finally:
        shutil.rmtree(folder)


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, ...]]:
    """A PostgreSQL of this machine's version, unix socket only; psql's words for it."""
    if os.geteuid():
        pytest.skip("needs root (PostgreSQL runs as user postgres)")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    data, sockets = folder / "pg", folder / "s"
    for path in (data, sockets):
        path.mkdir()
        shutil.chown(path, "postgres", "postgres")
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    initdb = [*become, f"{found[-1]}/initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync"]
    subprocess.run([*initdb, "--encoding=UTF8", "--locale=C.UTF-8"], stdout=subprocess.DEVNULL, check=True, cwd="/")
    argv = [*become, f"{found[-1]}/postgres", "-D", str(data), "-k", str(sockets), "-c", "listen_addresses=", "-F"]
    with (folder / "pg.log").open("wb") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log, cwd="/")
    try:
        _until((sockets / ".s.PGSQL.5432").exists)
        words = ("-h", str(sockets), "-U", "postgres")
        sql(words, "postgres", "SELECT 1")
        yield words
    finally:
        server.terminate()
        server.wait(20)


def sql(words: tuple[str, ...], database: str, *statements: str) -> str:
    """Run statements; what the last one gave."""
    argv = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *words, "-d", database]
    for attempt in range(50):
        done = subprocess.run(
            [*argv, *(word for one in statements for word in ("-c", one))], capture_output=True, text=True, check=False
        )
        if done.returncode != 2 or attempt == 49:  # 2: the server is still starting
            break
        time.sleep(0.1)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def rest_server(folder: Path, *options: str, become: tuple[str, ...] = ()) -> Iterator[str]:
    """A real rest-server with one user; yields `rest:http://127.0.0.1:port`. `become`: words that run it as another."""
    program = _tool("restic-rest-server", ("--version",), ())
    users = folder / "users"
    digest = base64.b64encode(hashlib.sha1(CANARY.encode(), usedforsecurity=False).digest()).decode()
    users.write_text(f"{CLIENT}:{{SHA}}{digest}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = folder / "store"
    store.mkdir(exist_ok=True)
    argv = [
        *become,
        program,
        "--path",
        str(store),
        "--listen",
        f"127.0.0.1:{port}",
        "--htpasswd-file",
        str(users),
        *options,
    ]
    with (folder / "rest.log").open("wb") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        _until(lambda: _open(port))
        yield f"rest:http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def remote(url: str, path: str = f"{CLIENT}/contoh", password: str = CANARY, user_password: str = CANARY) -> Restic:
    repository = Repository(f"{url}/{path}", Secret(password), CLIENT, Secret(user_password))
    return Restic(Local(), repository, restic_program())


def _open(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


def _until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not ready"
        time.sleep(0.05)
