"""A drill of a PostgreSQL database: loaded into a throw-away server, every row and object compared."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from backup_rig import sql
from drill_stage import Stage, needs_root

from backup.checks.contract import checks

pytestmark = needs_root


def test_database_is_proven(clinic: Stage) -> None:
    seen = clinic.drill()
    assert (seen.failure, clinic.differences(seen), seen.proven) == ("", set(), True)
    assert seen.found
    assert seen.found.point.basis == "newest row: public.layanan.waktu"
    assert set(seen.checked) == set(checks("postgresql"))
    assert list((clinic.rig.folder / "d").iterdir()) == []


def redump(clinic: Stage, *statements: str) -> Callable[[Path], None]:
    """Replace the restored dump by one of a copy of the database in which `statements` were done."""

    def damage(folder: Path) -> None:
        words = clinic.words
        sql(words, "postgres", "DROP DATABASE IF EXISTS other", "CREATE DATABASE other TEMPLATE simpus")
        sql(words, "other", *statements)
        subprocess.run(["pg_dump", *words, "-Fc", "-Z0", "-f", str(folder / "simpus.dump"), "other"], check=True)

    return damage


def test_planted_damage_to_rows_and_objects_is_seen(clinic: Stage) -> None:
    statements = (
        "UPDATE layanan SET biaya = biaya + 0.25 WHERE id = 17",
        "ALTER TABLE layanan DROP CONSTRAINT layanan_warga_fkey",
        "DELETE FROM warga WHERE id = 17",
        "DROP INDEX layanan_waktu",
        "CREATE OR REPLACE FUNCTION layanan_sejak(sejak timestamptz) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
        "CREATE TABLE tebusan ()",
    )
    seen = clinic.drill(redump(clinic, *statements))
    named = {(one.what, one.name) for found in seen.checked.values() for one in found}
    assert {
        ("differs", "public.layanan"),
        ("differs", "public.warga"),
        ("missing", "constraint public.layanan layanan_warga_fkey"),
        ("missing", "index public.layanan_waktu"),
        ("differs", "function public.layanan_sejak(timestamp with time zone)"),
        ("extra", "public.tebusan"),
    } <= named
    assert not seen.proven


@pytest.mark.parametrize("keep", [0, 0.5], ids=["empty", "half"])
def test_a_truncated_dump_fails_the_load(clinic: Stage, keep: float) -> None:
    def truncate(folder: Path) -> None:
        path = folder / "simpus.dump"
        os.truncate(path, int(keep * path.stat().st_size))

    seen = clinic.drill(truncate)
    assert "pg_restore" in seen.failure
    assert not seen.proven
    assert seen.cleaned
