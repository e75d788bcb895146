"""The chain of audit rows: whatever is written in it is proven, whatever is changed afterwards is seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.runs import audit, proof
from ops.runs.tables import TABLES
from ops.system.database import Database, connect

TEXT = st.text(st.characters(exclude_categories=()), max_size=8)  # also NUL and halves of characters
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXT,
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(TEXT, deeper, max_size=3),
    max_leaves=8,
)
ABOUT = st.dictionaries(TEXT, VALUES, max_size=4)
COLUMNS = ("at", "who", "act", "run", "about", "prev", "hash")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = connect(f"sqlite://{tmp_path / 'jobs.sqlite'}")
    opened.create(TABLES)
    yield opened
    opened.close()


def anew(database: Database, count: int) -> None:
    with database.write() as tx:
        tx.do("DELETE FROM audit")
        for number in range(count):
            audit.add(tx, "ani", "did", f"r{number}", {"n": number})


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, TEXT, TEXT, ABOUT), max_size=5))
def test_whatever_is_written_is_proven(database: Database, rows: list[tuple[str, str, str, dict[str, Any]]]) -> None:
    anew(database, 0)
    for row in rows:
        with database.write() as tx:
            audit.add(tx, *row)
    assert audit.problems(database) == []
    assert [row["seq"] for row in audit.rows(database)] == list(range(1, len(rows) + 1))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_changed_is_seen(database: Database, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    anew(database, count)
    seq, column = data.draw(st.integers(1, count)), data.draw(st.sampled_from(COLUMNS))
    with database.write() as tx:
        if column == "at":
            tx.do("UPDATE audit SET at = at + 0.002 WHERE seq = ?", seq)
        else:
            tx.do(f"UPDATE audit SET {column} = {column} || 'x' WHERE seq = ?", seq)
    assert any("not as it was written" in said for said in audit.problems(database))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_removed_from_within_is_seen(database: Database, data: st.DataObject) -> None:
    count = data.draw(st.integers(3, 8))
    anew(database, count)
    gone = data.draw(st.sets(st.integers(2, count - 1), min_size=1))
    with database.write() as tx:
        for seq in gone:
            tx.do("DELETE FROM audit WHERE seq = ?", seq)
    assert any("are missing" in said for said in audit.problems(database))


def test_the_chain_goes_on_over_many_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_CHUNK", 3)
    anew(database, 10)
    assert audit.problems(database) == []
    with database.write() as tx:
        tx.do("DELETE FROM audit WHERE seq <= 4")
        audit.add(tx, "ani", "did", "r", {})
    assert audit.problems(database) == []
    with database.write() as tx:
        tx.do("UPDATE audit SET who = 'ina' WHERE seq = 9")
    assert audit.problems(database) == ["row 9 is not as it was written"]


# ---- the note of the newest row


def test_the_newest_rows_are_missed(database: Database, tmp_path: Path) -> None:
    note = proof.Note(database, tmp_path)
    assert note.turn() == []
    assert not (tmp_path / proof.NOTE).exists(), "there was nothing to note"
    anew(database, 3)
    assert proof.Note(database, tmp_path).turn() == []
    assert (tmp_path / proof.NOTE).stat().st_mode & 0o777 == 0o600
    anew(database, 2)
    said = ["audit rows up to 3 were seen on this machine, the newest of them are missing"]
    assert (audit.problems(database), proof.lost(database, tmp_path)) == ([], said)
    assert proof.Note(database, tmp_path).turn() == said
    assert json.loads((tmp_path / proof.NOTE).read_text())["seq"] == 3, "what was lost is not noted away"
    anew(database, 0)
    assert proof.lost(database, tmp_path) == said


def test_a_note_is_made_now_and_then(database: Database, tmp_path: Path) -> None:
    note = proof.Note(database, tmp_path)
    anew(database, 1)
    note.turn()
    with database.write() as tx:
        audit.add(tx, "ani", "did", "r", {})
    note.turn()
    assert json.loads((tmp_path / proof.NOTE).read_text())["seq"] == 1
    proof.Note(database, tmp_path).turn()
    assert json.loads((tmp_path / proof.NOTE).read_text())["seq"] == 2


def test_a_note_older_than_the_oldest_row_says_nothing(database: Database, tmp_path: Path) -> None:
    anew(database, 2)
    proof.Note(database, tmp_path).turn()
    with database.write() as tx:
        audit.add(tx, "ani", "did", "r", {})
        tx.do("DELETE FROM audit WHERE seq <= 2")
    assert proof.Note(database, tmp_path).turn() == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"seq": "x", "hash": ""}'])
def test_a_broken_note_is_told(database: Database, tmp_path: Path, text: str) -> None:
    (tmp_path / proof.NOTE).write_text(text)
    assert proof.lost(database, tmp_path) == [f"{tmp_path / proof.NOTE} is not as it was written"]
