"""A SQLite file that is in use: copied whole while it is written, brought back, and every planted damage named."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backup_rig import Rig, item, rig
from hypothesis import given
from hypothesis import strategies as st

from backup import drill, take
from backup.checks.contract import Found, Point, checks
from backup.hostside import sqlite
from backup.manifest import Manifest
from ops.errors import OpsError
from ops.progress import silent

ODD = 'ta"ble; -- 本'
SCHEMA = f"""
CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, at REAL, blob BLOB);
CREATE TABLE "{ODD.replace('"', '""')}" ("co""l" ANY, "select" TEXT, PRIMARY KEY ("co""l")) WITHOUT ROWID;
CREATE INDEX by_kind ON run (kind);
CREATE VIEW newest AS SELECT max(at) FROM run;
CREATE TRIGGER noted AFTER DELETE ON run BEGIN SELECT 1; END;
CREATE TABLE child (id INTEGER, run INTEGER REFERENCES run (id));
PRAGMA user_version = 7;
"""


def make(path: Path, rows: int = 500) -> sqlite3.Connection:
    """A file in WAL mode with rows that are not yet in its main file."""
    opened = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    opened.execute("PRAGMA journal_mode = WAL")
    opened.execute("PRAGMA wal_autocheckpoint = 0")
    opened.executescript(SCHEMA)
    opened.executemany(
        "INSERT INTO run (kind, at, blob) VALUES (?, ?, ?)", [(f"k{n}", n / 7, b"x") for n in range(rows)]
    )
    opened.execute(f'INSERT INTO "{ODD.replace(chr(34), chr(34) * 2)}" VALUES (NULL, ?)', ("ü\0\n",)) if False else None
    opened.execute(f'INSERT INTO "{ODD.replace(chr(34), chr(34) * 2)}" VALUES (1.5, ?)', ("ü\n",))
    return opened


@pytest.fixture
def made() -> Iterator[Rig]:
    with rig() as one:
        yield one


@pytest.fixture
def busy(made: Rig) -> Iterator[Path]:
    """A file whose connection stays open, its newest rows in the `-wal` beside it."""
    path = made.folder / "jobs.sqlite"
    with contextlib.closing(make(path)):
        yield path


def named(wanted: dict[str, Any], there: dict[str, Any]) -> set[tuple[str, str, str]]:
    """(check, what, name) of every difference between what was backed up and what came back."""
    made = Manifest("dinkes", "jobs", "sqlite", "h", "/jobs.sqlite", "s", "/jobs.sqlite", 0.0, wanted)
    found = Found({}, [], [], [], [], [], made, True, "", there, Point(0.0, ""), 0.0, 0.0, 1.0, 1.0)
    kinds = ("table_rows", "table_objects", "database_file")
    return {(name, one.what, one.name) for name in kinds for one in checks("sqlite")[name].differences(found)}


def test_what_is_only_in_the_wal_comes_back_too(made: Rig, busy: Path) -> None:
    taken = take.take(made.places, item("sqlite", str(busy)))
    assert taken.counts == {"tables": 4, "rows": 502, "objects": 12}
    seen = drill.run(made.places, item("sqlite", str(busy)), silent)
    assert (seen.failure, seen.differences, seen.proven) == ("", 0, True)
    assert seen.versions["sqlite"] == sqlite3.sqlite_version
    assert set(seen.checked) >= {"database_file", "table_rows", "table_objects"}
    assert not list(Path(sqlite.COPIES).glob(f"{sqlite.PREFIX}{os.getpid()}-*"))


def test_a_copy_taken_while_others_write_is_of_one_moment(made: Rig) -> None:
    """Each transaction adds two rows: an odd number would be half of one."""
    path = made.folder / "jobs.sqlite"
    writer, stop = make(path, 0), threading.Event()

    def write() -> None:
        while not stop.wait(0.002):
            writer.execute("BEGIN IMMEDIATE")
            writer.executemany("INSERT INTO run (kind, blob) VALUES ('pair', ?)", [(os.urandom(100),)] * 2)
            writer.execute("COMMIT")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = [take.take(made.places, item("sqlite", str(path))) for _ in range(3)]
        proof = drill.run(made.places, item("sqlite", str(path)), silent)
    finally:
        stop.set()
        thread.join()
        writer.close()
    assert proof.proven, (proof.failure, proof.checked)
    assert proof.restored
    rows = proof.restored.content["tables"]["run"]["rows"]
    assert rows % 2 == 0
    assert seen[-1].counts["rows"] > seen[0].counts["rows"], "nobody wrote meanwhile: the test shows nothing"


def sql(*statements: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as opened:
            for statement in statements:
                opened.execute(statement)

    return damage


def overwrite(path: Path) -> None:
    """An index's page with foreign bytes, as a bad disk leaves it."""
    with contextlib.closing(sqlite3.connect(path)) as opened:
        (page,) = opened.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'by_kind'").fetchone()
        (size,) = opened.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as there:
        there.seek((page - 1) * size)
        there.write(b"\xff" * 64)


DAMAGES = {
    "a row lost": (sql("DELETE FROM run WHERE id = 3"), ("table_rows", "differs", "run")),
    "a value": (sql("UPDATE run SET at = at + 1e-9 WHERE id = 4"), ("table_rows", "differs", "run")),
    "text now bytes": (sql("UPDATE run SET kind = CAST(kind AS BLOB) WHERE id = 5"), ("table_rows", "differs", "run")),
    "a table more": (sql("CREATE TABLE ransom (note)"), ("table_rows", "extra", "ransom")),
    "an index lost": (sql("DROP INDEX by_kind"), ("table_objects", "missing", "index by_kind")),
    "a view": (sql("DROP VIEW newest", "CREATE VIEW newest AS SELECT 1"), ("table_objects", "differs", "view newest")),
    "a trigger lost": (sql("DROP TRIGGER noted"), ("table_objects", "missing", "trigger noted")),
    "its version": (sql("PRAGMA user_version = 6"), ("table_objects", "differs", "setting user_version")),
    "an orphan": (sql("INSERT INTO child VALUES (1, 999999)"), ("table_rows", "differs", "child")),
    "a page": (overwrite, ("database_file", "broken", "database")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_planted_damage_is_named(busy: Path, damage: str) -> None:
    change, wanted = DAMAGES[damage]
    with sqlite._copy(str(busy)) as (copy, _owner):
        good = sqlite.facts(database=copy, run_as="")
        assert named(good, sqlite.facts(database=copy, run_as="")) == set()
        change(Path(copy))
        seen = named(good, sqlite.facts(database=copy, run_as=""))
    assert {wanted, ("database_file", "differs", "database")} <= seen, "what, and that these are not the same bytes"


def test_looking_at_a_file_leaves_nothing_beside_it(busy: Path) -> None:
    with sqlite._copy(str(busy)) as (copy, _owner):
        before = Path(copy).stat().st_mtime_ns
        sqlite.facts(database=copy, run_as="")
        assert [path.name for path in Path(copy).parent.iterdir()] == ["copy"]
        assert Path(copy).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file"), (b"no database at all, " * 200, "file is not a database")]
)
def test_what_is_no_database_is_never_counted(made: Rig, content: bytes | None, said: str) -> None:
    path = made.folder / "jobs.sqlite"
    if content:
        path.write_bytes(content)
    with pytest.raises(OpsError, match=said):
        take.take(made.places, item("sqlite", str(path)))
    assert [line for line in made.places.ledger.read() if line["event"] == "backup"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root (a file that belongs to somebody else)")
def test_its_owner_can_still_write_after_root_has_copied_it(made: Rig) -> None:
    """root's own -wal and -shm would lock the owner out."""
    folder = made.folder / "owned"
    folder.mkdir()
    path = folder / "jobs.sqlite"
    make(path).close()
    for one in (folder, path):
        os.chown(one, 65534, 65534)
    with sqlite._copy(str(path)) as (copy, owner):
        assert (owner, Path(copy).stat().st_uid, Path(copy).parent.stat().st_mode & 0o777) == (
            (65534,) * 2,
            65534,
            0o700,
        )
    assert os.geteuid() == 0
    assert {one.stat().st_uid for one in folder.iterdir()} == {65534}
    code = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('DELETE FROM run'); c.commit()"
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    subprocess.run([*become, "/usr/bin/python3", "-c", code], check=True)


def test_a_killed_copy_is_taken_away_by_the_next(busy: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    left = Path(sqlite.COPIES) / f"{sqlite.PREFIX}{child.pid}-x"
    mine = Path(sqlite.COPIES) / f"{sqlite.PREFIX}{os.getpid()}-x"
    for one in (left, mine):
        one.mkdir()
    try:
        with sqlite._copy(str(busy)):
            pass
        assert (left.exists(), mine.exists()) == (False, True), "another that still copies is left alone"
    finally:
        mine.rmdir()


VALUES = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(), st.binary())
ROWS = st.lists(st.tuples(VALUES, VALUES), max_size=8)


@given(ROWS, ROWS)
def test_the_sum_over_rows_knows_their_values_and_not_their_order(tmp_path_factory: Any, one: Any, other: Any) -> None:
    def told(rows: Any) -> Any:
        opened = sqlite3.connect(":memory:")
        opened.execute("CREATE TABLE t (a, b)")
        opened.executemany("INSERT INTO t VALUES (?, ?)", rows)
        opened.text_factory = bytes
        return sqlite._sums(opened, "t")

    def known(rows: Any) -> list[str]:
        return sorted(repr(row).replace("-0.0", "0.0") for row in rows)

    assert told(one) == told(list(reversed(one)))
    assert (told(one) == told(other)) == (known(one) == known(other))


def test_the_kind_has_checks_of_its_own_and_those_of_databases() -> None:
    assert {"database_file", "table_rows", "table_objects", "rpo"} <= set(checks("sqlite"))
    assert "file_contents" not in checks("sqlite")
