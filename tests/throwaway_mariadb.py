"""A throw-away MariaDB for tests: the image of the twin's servers under an overlay, in namespaces of its own.

Source host and drill server are that one machine; restic in it is the image's, the repository lies in a folder that it
shares with the test. When the process ends its mounts are gone with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from backup_rig import CANARY, Rig, rig
from drill_stage import wait

from backup.layout import Item
from backup.places import Places
from backup.restic import Repository, Restic, Secret
from ops.system.process import Ask, Done, Local, kill_group
from ops.system.tools import images_folder

_START = """
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mkdir -p "$2/root$3" "$2/root/run/mysqld"
mount --bind "$3" "$2/root$3"
exec chroot "$2/root" sh -ec '
chown mysql /run/mysqld
mariadb-install-db --user=mysql --skip-test-db --skip-name-resolve >/dev/null
exec mariadbd --user=mysql --skip-networking --innodb-flush-log-at-trx-commit=0'
"""


@dataclass
class Machine:
    """Where MariaDB runs: programs of the source host and of the drill server both run in it."""

    pid: int
    name: str = "localhost"

    def run(self, argv: list[str], ask: Ask = Ask()) -> Done:  # noqa: B008 # Ask is frozen
        return Local().run(["nsenter", "-t", str(self.pid), "-m", "-n", "-r", "-w", *argv], replace(ask))

    def sql(self, *statements: str) -> str:
        argv = ["mariadb", "--batch", "--skip-column-names"]
        return self.run(argv, Ask(input=";\n".join(statements) + ";\n", timeout=900)).must().out.strip()


@dataclass
class Stock:
    """A rig whose restic runs on that machine."""

    rig: Rig
    machine: Machine

    @property
    def places(self) -> Places:
        def there(_item: Item, key: str) -> Restic:
            return Restic(self.machine, Repository(str(self.rig.repository), Secret(CANARY), key_hint=key))

        return replace(self.rig.places, source=there, view=there)


def image() -> Path:
    """The unpacked image with MariaDB and its physical backup; skips the test when it is not there."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a throw-away MariaDB lives in namespaces of its own")
    found = sorted(path for path in images_folder().glob("trixie-*") if (path / "usr/bin/mariadb-backup").exists())
    if not found:
        pytest.skip(f"no image with mariadb-backup in {images_folder()}: a twin with a group mariadb builds it")
    return found[-1]


@contextmanager
def stocked() -> Iterator[Stock]:
    lower = image()
    with rig() as made:
        folder = made.folder / "m"
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True)
        made.repository.mkdir()
        argv = ["unshare", "-m", "-n", "sh", "-ec", _START, "sh", str(lower), str(folder), str(made.folder)]
        with (made.folder / "mariadb.log").open("wb") as log:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            machine = Machine(child.pid)
            wait(lambda: machine.run(["mariadb", "-e", "SELECT 1"], Ask(timeout=20)).ok, 120)
            yield Stock(made, machine)
        finally:
            kill_group(child)
            shutil.rmtree(folder)
