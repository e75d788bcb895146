"""A PostgreSQL server as its files: taken while others write, recovered to one point, every row of it compared."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backup_rig import item, rig, sql
from drill_stage import Stage, needs_root
from repository_stock import cheapen

from backup import take
from backup.checks.contract import checks
from backup.hostside import pg_recover
from backup.sources import postgresql_physical
from backup.verify import of_drill
from backup.verify.verdict import Fault
from ops.errors import OpsError

pytestmark = needs_root
WRITER = (
    "SELECT count(*) FROM catatan; INSERT INTO catatan (isi) SELECT md5(random()::text) FROM generate_series(1, 20);"
)


@pytest.fixture(scope="module")
def copied(clinic: Stage) -> Iterator[Stage]:
    """The clinic's whole server, backed up while a writer goes on."""
    made = ("CREATE TABLE catatan (id serial PRIMARY KEY, isi text)", "CREATE UNLOGGED TABLE sementara ()")
    sql(clinic.words, "simpus", *made, "INSERT INTO sementara DEFAULT VALUES")
    usual, postgresql_physical.WHERE = postgresql_physical.WHERE, clinic.words
    writing = subprocess.Popen(["psql", "-X", "-q", *clinic.words, "-d", "simpus"], stdin=subprocess.PIPE, text=True)
    assert writing.stdin
    try:
        writing.stdin.write(f"{WRITER}\n\\watch 0.02\n")
        writing.stdin.flush()
        with rig() as made:
            made.restic().ensure()
            cheapen(made.repository)
            stage = Stage(made, item("postgresql-physical", "main"), clinic.words)
            take.take(stage.places, stage.item)
            writing.kill()
            yield stage
    finally:
        writing.kill()
        writing.communicate(timeout=30)
        postgresql_physical.WHERE = usual
        sql(clinic.words, "simpus", "DROP TABLE catatan, sementara")


def test_a_server_is_proven_at_one_point_although_others_wrote(copied: Stage) -> None:
    seen = copied.drill()
    assert (seen.failure, copied.differences(seen), seen.proven) == ("", set(), True)
    assert seen.found
    assert seen.restored
    assert set(seen.checked) == set(checks("postgresql-physical"))
    assert seen.found.point.basis.endswith(".public.layanan.waktu"), "of whichever database was written last"
    tables = seen.restored.content["tables"]
    assert (
        0 < tables["simpus.public.catatan"]["rows"] < int(sql(copied.words, "simpus", "SELECT count(*) FROM catatan"))
    )
    assert "simpus.public.sementara" not in tables, "an unlogged table is empty in every copy"
    assert list((copied.rig.folder / "d").iterdir()) == []


def repack(folder: Path, change: Callable[[tarfile.TarInfo, bytes], bytes | None], *, log: bool = True) -> None:
    """Write the copy anew with changed files; `log`: with the second archive too."""
    path = folder / "main.tar"
    kept: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
    with tarfile.open(path, ignore_zeros=log) as archive:
        for member in archive:
            file = archive.extractfile(member)
            content = change(member, file.read() if file else b"")
            if content is not None:
                member.size = len(content)
                kept[member.name] = member, content
    with tarfile.open(path, "w") as fresh:
        for member, content in kept.values():
            with (folder / "one").open("w+b") as file:
                file.write(content)
                file.seek(0)
                fresh.addfile(member, file)


def table_file(stage: Stage) -> str:
    return sql(stage.words, "simpus", "SELECT pg_relation_filepath('warga')")


def flipped(stage: Stage) -> Callable[[Path], None]:
    name = table_file(stage)
    return lambda folder: repack(
        folder, lambda at, was: was[:9000] + bytes([was[9000] ^ 1]) + was[9001:] if at.name == name else was
    )


def lacking(stage: Stage) -> Callable[[Path], None]:
    name = table_file(stage)
    return lambda folder: repack(folder, lambda at, was: None if at.name == name else was)


def without_log(_stage: Stage) -> Callable[[Path], None]:
    return lambda folder: repack(folder, lambda _at, was: was, log=False)


@pytest.mark.parametrize(
    ("damage", "fault", "says"),
    [
        (flipped, Fault.CORRUPTION, "checksum mismatch"),
        (lacking, Fault.INCOMPLETE, "not on disk"),
        (without_log, Fault.INCOMPLETE, "recovery ended before configured recovery target was reached"),
    ],
)
def test_damage_is_named_by_its_class(
    copied: Stage, damage: Callable[[Stage], Callable[[Path], None]], fault: Fault, says: str
) -> None:
    seen = copied.drill(damage(copied))
    told = of_drill.judge(seen)
    assert (seen.proven, seen.cleaned, told.fault) == (False, True, fault)
    assert any(says in one.what for one in told.proof)


def test_a_copy_that_failed_saves_nothing(copied: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(copied.rig.restic().snapshots())
    monkeypatch.setattr(postgresql_physical, "WHERE", ("-h", "/nowhere", "-U", "postgres"))
    with pytest.raises(OpsError, match="Is the server running"):
        take.take(copied.places, copied.item)
    assert len(copied.rig.restic().snapshots()) == before


def test_another_major_version_is_told_before_anything_is_unpacked() -> None:
    with pytest.raises(RuntimeError, match=r"the copy is of PostgreSQL 99, here is PostgreSQL .*: apt-get install"):
        pg_recover.of_version("99.3 (Debian)")
