"""One set that was backed up with the real tools, and what a test may do to it before a drill looks."""

from __future__ import annotations

import dataclasses
import os
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backup_rig import Rig, cluster, item, rig, sql
from repository_stock import DICE, cheapen, put, text

from backup import drill, take
from backup.checks.contract import Found
from backup.drilled import Drill
from backup.hostside import seed
from backup.layout import Item
from backup.places import Places
from backup.restic import LONG, Restic
from backup.sources import postgresql
from ops.progress import silent

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root (owners of restored files)")


@dataclasses.dataclass
class Stage:
    """One set that was backed up once, good."""

    rig: Rig
    item: Item
    words: tuple[str, ...] = ()

    @property
    def places(self) -> Places:
        return self.rig.places

    def drill(self, damage: Callable[[Path], object] | None = None, **changes: float) -> Drill:
        """Drill it; `damage` is done to what restic restored, before anybody looks."""
        spots = self.places
        if damage:
            spots = dataclasses.replace(spots, view=lambda _item, key: damaging(self.rig.restic(key), damage))
        wanted = dataclasses.replace(self.item, set=self.item.set.model_copy(update=changes))
        return drill.run(spots, wanted, silent)

    def differences(self, seen: Drill) -> set[tuple[str, str]]:
        return {(name, one.what) for name, found in seen.checked.items() for one in found}


def small_stage(made: Rig, files: int = 4) -> Stage:
    """A set of so many texts and as many pictures, backed up once."""
    folder = made.folder / "srv"
    for number in range(files):
        put(folder / f"{number}.txt", text(number, 50))
        put(folder / f"{number}.jpg", b"\xff\xd8\xff" + DICE.randbytes(5000))
    made.restic().ensure()
    cheapen(made.repository)
    stage = Stage(made, item("files", str(folder)))
    take.take(stage.places, stage.item)
    return stage


ACCESS_LIST = struct.pack(
    "<I" + "HHI" * 5, 2, 1, 6, 2**32 - 1, 2, 4, 33, 4, 4, 2**32 - 1, 16, 4, 2**32 - 1, 32, 0, 2**32 - 1
)


def special(folder: Path) -> None:
    """What else a file server holds: a pipe, two names of one file, an access list, an attribute, an odd last name."""
    os.mkfifo(folder / "pipa")
    (folder / "satu").write_text("isi")
    (folder / "dua nama").hardlink_to(folder / "satu")
    (folder / b"\xff\n-".decode(errors="surrogateescape")).write_text("x")
    os.setxattr(folder / "satu", "user.asal", b"kantor\0")
    os.setxattr(folder / "satu", "system.posix_acl_access", ACCESS_LIST)


def damaging(restic: Restic, damage: Callable[[Path], object]) -> Restic:
    class Damaging(Restic):
        def restore(self, snapshot: str, path: str, target: str, limit: float = LONG) -> dict[str, object]:
            done = super().restore(snapshot, path, target, limit)
            damage(Path(target))
            return done

    return Damaging(restic.where, restic.repository, restic.program)


@pytest.fixture(scope="session")
def documents() -> Iterator[Stage]:
    with rig() as made:
        source = made.folder / "srv/opd dinas"
        seed.files(root=str(source), count=60)
        special(source)
        made.restic().ensure()
        cheapen(made.repository)  # 0.3 s less for every restic
        stage = Stage(made, item("files", str(source)))
        assert take.take(stage.places, stage.item).counts["files"] == 63
        yield stage


@pytest.fixture(scope="session")
def clinic() -> Iterator[Stage]:
    with rig() as made, cluster(made.folder) as words:
        sql(words, "postgres", 'CREATE ROLE "simpus" LOGIN', "CREATE DATABASE simpus OWNER simpus")
        seed.database(name="simpus", owner="simpus", run_as="postgres", where=list(words))
        usual, postgresql.WHERE = postgresql.WHERE, words
        try:
            stage = Stage(made, item("postgresql", "simpus"), words)
            counts = take.take(stage.places, stage.item).counts
            assert counts["rows"] == seed.PEOPLE + seed.REQUESTS + 15
            yield stage
        finally:
            postgresql.WHERE = usual


@pytest.fixture(scope="session")
def seen(documents: Stage) -> Drill:
    return documents.drill()


@pytest.fixture(scope="session")
def good(seen: Drill) -> Found:
    assert seen.found
    return seen.found


@pytest.fixture
def own(documents: Stage) -> Iterator[Stage]:
    """A copy that may be broken for good."""
    with rig() as made:
        shutil.copytree(documents.rig.repository, made.repository)
        shutil.copytree(documents.rig.folder / "state", made.folder / "state")
        yield Stage(made, documents.item)


def one(folder: Path) -> Path:
    return next(path for path in sorted(folder.rglob("*contoh.docx")) if path.is_file())


def places_entry(stage: Stage) -> dict[str, str]:
    return [line for line in stage.places.ledger.read() if line["event"] == "backup"][-1]


def processes(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in words:
            found.append(words)
    return found


def wait(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
