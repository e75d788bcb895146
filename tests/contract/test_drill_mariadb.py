"""MariaDB: SQL of one database, and files of a whole server, both taken while others write; every row compared."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from backup_rig import Rig, item
from drill_stage import damaging
from repository_stock import cheapen
from throwaway_mariadb import Stock, stocked

from backup import drill, take
from backup.checks.contract import checks
from backup.drilled import Drill
from backup.layout import Item
from backup.verify import of_drill
from backup.verify.verdict import Fault
from ops.errors import OpsError
from ops.progress import silent
from ops.system.process import kill_group

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root (MariaDB lives in namespaces of its own)")
ODD = r"""CREATE DATABASE simpeg;
USE simpeg;
CREATE TABLE pegawai (id int AUTO_INCREMENT PRIMARY KEY, nama varchar(80), gaji decimal(12,2), foto longblob,
  lahir date, diubah datetime, cap timestamp DEFAULT now(), rasio float, bendera bit(3), isian json, KEY (nama));
INSERT INTO pegawai (nama, gaji, foto, lahir, diubah, rasio, bendera, isian)
  SELECT concat('Ñama ''', seq), seq * 1.25, unhex(md5(seq)), '1980-01-01', now() - INTERVAL seq MINUTE, seq / 7,
  b'101', '{"a": 1}' FROM seq_1_to_2000;
CREATE TABLE `ta``bel.x y` (a int, b text);
INSERT INTO `ta``bel.x y` VALUES (1, NULL), (2, 'NULL'), (NULL, 'a\nb');
CREATE TABLE janji (saat datetime);
INSERT INTO janji VALUES (now() + INTERVAL 1 YEAR), ('0000-00-00');
CREATE VIEW ringkasan AS SELECT count(*) AS n FROM pegawai;
CREATE EVENT bersih ON SCHEDULE EVERY 1 DAY DO DELETE FROM pegawai WHERE id < 0;
CREATE TRIGGER rapi BEFORE INSERT ON pegawai FOR EACH ROW SET NEW.nama = trim(NEW.nama);
CREATE FUNCTION tarif() RETURNS int RETURN 1;
"""
INSERT = "INSERT INTO pegawai (nama, diubah) VALUES (uuid(), now());"
WRITER = f"while :; do echo '{INSERT}'; sleep 0.01; done | mariadb simpeg"


@pytest.fixture(scope="module")
def stock() -> Iterator[Stock]:
    with stocked() as made:
        made.machine.sql("SET GLOBAL sql_mode = '', time_zone = '+07:00'")
        made.machine.sql(ODD.rstrip(";\n"))
        yield made


def taken(stock: Stock, kind: str, source: str) -> tuple[Stock, Item]:
    """A backup that was taken while somebody wrote, in a repository of its own."""
    rig = Rig(stock.rig.folder, stock.rig.folder / kind)
    own, declared = Stock(rig, stock.machine), item(kind, source, kind.replace("-", ""))
    own.places.source(declared, "").ensure()
    cheapen(rig.repository)
    words = ["nsenter", "-t", str(stock.machine.pid), "-m", "-n", "-r", "-w", "sh", "-c", WRITER]
    writing = subprocess.Popen(words, start_new_session=True)
    try:
        take.take(own.places, declared)
    finally:
        kill_group(writing)
    return own, declared


@pytest.fixture(scope="module")
def dumped(stock: Stock) -> tuple[Stock, Item]:
    return taken(stock, "mariadb", "simpeg")


@pytest.fixture(scope="module")
def copied(stock: Stock) -> tuple[Stock, Item]:
    return taken(stock, "mariadb-physical", "mariadb")


def drilled(backed_up: tuple[Stock, Item], damage: Callable[[Path], object] | None = None) -> Drill:
    stock, declared = backed_up
    spots = stock.places
    if damage:
        spots = replace(spots, view=lambda _item, key: damaging(stock.places.view(declared, key), damage))
    return drill.run(spots, declared, silent)


@pytest.mark.parametrize("kind", ["dumped", "copied"])
def test_it_is_proven_row_by_row_although_others_wrote(request: pytest.FixtureRequest, stock: Stock, kind: str) -> None:
    backed_up = request.getfixturevalue(kind)
    seen = drilled(backed_up)
    assert (seen.failure, [one for found in seen.checked.values() for one in found], seen.proven) == ("", [], True)
    assert seen.restored
    assert set(seen.checked) == set(checks(backed_up[1].set.kind))
    content = seen.restored.content
    rows = int(stock.machine.sql("SELECT count(*) FROM simpeg.pegawai"))
    assert 2000 < content["tables"]["simpeg.pegawai"]["rows"] < rows
    assert content["tables"]["simpeg.ta`bel.x y"]["rows"] == 3
    assert {"view simpeg.ringkasan", "event simpeg.bersih", "trigger simpeg.rapi", "function simpeg.tarif"} <= set(
        content["objects"]
    )
    assert content["newest"]["column"] in {"simpeg.pegawai.diubah", "simpeg.pegawai.cap"}
    assert content["newest"]["epoch"] <= content["read"]


def cut_off(folder: Path) -> None:
    path = next(folder.iterdir())
    os.truncate(path, path.stat().st_size // 2)


def one_row_other(folder: Path) -> None:
    path = next(folder.iterdir())
    path.write_bytes(path.read_bytes().replace("Ñama \\'7'".encode(), "Ñama \\'8'".encode(), 1))


def flipped(folder: Path) -> None:
    path = next(folder.iterdir())
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        was = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([was[0] ^ 1]))


@pytest.mark.parametrize(
    ("kind", "damage", "fault", "says"),
    [
        ("dumped", cut_off, Fault.INCOMPLETE, "the dump was cut off"),
        ("dumped", one_row_other, Fault.SILENT, "simpeg.pegawai sum over"),
        ("copied", cut_off, Fault.INCOMPLETE, "mbstream"),
        ("copied", flipped, Fault.CORRUPTION, "checksum"),
    ],
)
def test_damage_is_named_by_its_class(
    request: pytest.FixtureRequest, kind: str, damage: Callable[[Path], None], fault: Fault, says: str
) -> None:
    seen = drilled(request.getfixturevalue(kind), damage)
    told = of_drill.judge(seen)
    assert (seen.proven, seen.cleaned, told.fault) == (False, True, fault)
    assert any(says in one.what for one in told.proof)


def test_a_database_that_is_not_there_saves_nothing(dumped: tuple[Stock, Item]) -> None:
    stock, _ = dumped
    before = len(stock.rig.restic().snapshots())
    with pytest.raises(OpsError, match="there is no database hilang here"):
        take.take(stock.places, item("mariadb", "hilang", "mariadb"))
    assert len(stock.rig.restic().snapshots()) == before
