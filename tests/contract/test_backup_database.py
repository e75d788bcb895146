"""Databases as they really are: odd names, large objects, materialized views, columns that hide a row, sequences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from backup_rig import cluster, item, rig, sql

from backup import drill, take
from backup.checks.contract import Found, Point, checks
from backup.hostside import pg
from backup.manifest import Manifest
from backup.sources import postgresql
from ops.progress import silent

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root (PostgreSQL runs as user postgres)")

ODD = """
CREATE SCHEMA "skema; 'aneh'";
CREATE TYPE "skema; 'aneh'".hari AS ENUM ('senin', 'selasa');
CREATE TABLE "skema; 'aneh'"."ta""bel
%I {0} :x" (t text, h int, rows int, "kolom \\ 'k'" "skema; 'aneh'".hari, n int);
INSERT INTO "skema; 'aneh'"."ta""bel
%I {0} :x" VALUES ('sama', 1, 2, 'senin', 5), (NULL, 3, 4, 'selasa', 6);
CREATE TABLE janji (waktu timestamptz);
INSERT INTO janji VALUES (now() - interval '1 hour'), (now() - interval '5 hours');
CREATE MATERIALIZED VIEW ringkasan AS SELECT count(*) AS n FROM pg_catalog.pg_class;
CREATE MATERIALIZED VIEW kosong AS SELECT 1 AS n WITH NO DATA;
GRANT SELECT ON ringkasan TO PUBLIC;
CREATE SEQUENCE turun INCREMENT -1;
SELECT nextval('turun'), nextval('turun');
SELECT lo_from_bytea(0, repeat('lampiran', 1000)::bytea);
SELECT lo_put(lo_create(0), 9000, 'ujung');
"""


@pytest.fixture(scope="module")
def words() -> Iterator[tuple[str, ...]]:
    """A server with database `aneh`; psql's words for it."""
    with rig() as made, cluster(made.folder) as words:
        sql(words, "postgres", "CREATE DATABASE aneh")
        sql(words, "aneh", *ODD.replace(";\n", ";\n\0").split("\0")[:-1])
        usual, postgresql.WHERE = postgresql.WHERE, words
        yield words
        postgresql.WHERE = usual


def test_odd_names_large_objects_and_materialized_views_are_proven(words: tuple[str, ...]) -> None:
    with rig() as made:
        take.take(made.places, item("postgresql", "aneh"))
        seen = drill.run(made.places, item("postgresql", "aneh"), silent)
    assert (seen.failure, [one for found in seen.checked.values() for one in found]) == ("", [])
    assert seen.proven
    assert seen.restored
    assert seen.restored.content["tables"]["large objects"]["rows"] > 0
    assert seen.manifest
    for fact in ("read", "newest"):
        assert seen.restored.content[fact] == seen.manifest.content[fact]


def test_an_appointment_that_has_passed_since_is_no_proof_of_fresh_data(words: tuple[str, ...]) -> None:
    now = facts(words, "aneh")
    assert now["newest"]["epoch"] == pytest.approx(now["read"] - 3600, abs=600)
    earlier = facts(words, "aneh", now["read"] - 7200)
    assert earlier["newest"]["epoch"] == pytest.approx(now["read"] - 5 * 3600, abs=600)


ODD_DAMAGES = {
    "a column beside one named t": (
        """UPDATE "skema; 'aneh'"."ta""bel\n%I {0} :x" SET h = h + 1 WHERE t = 'sama'""",
        """"skema; 'aneh'"."ta""bel\n%I {0} :x\"""",
    ),
    "a row whose column t is null": (
        """UPDATE "skema; 'aneh'"."ta""bel\n%I {0} :x" SET h = h + 1 WHERE t IS NULL""",
        """"skema; 'aneh'"."ta""bel\n%I {0} :x\"""",
    ),
    "a large object": ("SELECT lo_put(min(oid), 3, 'X') FROM pg_largeobject_metadata", "large objects"),
    "a sequence": ("SELECT setval('turun', -1)", "sequence public.turun"),
    "rights": ("GRANT DELETE ON ringkasan TO PUBLIC", "rights public.ringkasan"),
    "an enum": ("""ALTER TYPE "skema; 'aneh'".hari ADD VALUE 'rabu'""", """enum "skema; 'aneh'".hari"""),
}


@pytest.mark.parametrize("damage", ODD_DAMAGES)
def test_planted_damage_to_odd_objects_is_seen(words: tuple[str, ...], damage: str) -> None:
    statement, name = ODD_DAMAGES[damage]
    sql(words, "postgres", "DROP DATABASE IF EXISTS other", "CREATE DATABASE other TEMPLATE aneh")
    wanted, there = (facts(words, "aneh"), (sql(words, "other", statement), facts(words, "other"))[1])
    named = [
        one.name
        for check in ("table_rows", "table_objects")
        for one in checks("postgresql")[check].differences(compared(wanted, there))
    ]
    assert named == [name]


def facts(words: tuple[str, ...], database: str, read: float | None = None) -> dict[str, Any]:
    session = pg.Session("postgres", [*words, "-d", database])
    try:
        return pg.facts(session, "Asia/Jakarta", read)
    finally:
        session.close()


def compared(wanted: dict[str, Any], there: dict[str, Any]) -> Found:
    made = Manifest("dinkes", "aneh", "postgresql", "h", "aneh", "s", "/aneh.dump", 0.0, wanted)
    return Found({}, [], [], [], [], [], made, True, "", there, Point(0.0, ""), 0.0, 0.0, 1.0, 1.0)
