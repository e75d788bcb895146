"""A verified drill of a PostgreSQL server's copy against its bare steps by hand, and against the way by pg_dump.

    sudo nice .venv/bin/python benchmarks/drill_postgres.py [--rows 5500000]

5,500,000 rows with three b-trees and a GIN index are about 1.25 GB. All three ways restore with restic from a
repository on this disk, start a server, and sum up every row; CPU-seconds count the servers too. Wall time says
something on a quiet machine only: the load stands beside it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from backup_rig import CANARY, Rig, cluster, item, restic_program, rig, sql  # noqa: E402
from limits import over  # noqa: E402
from metered import Cost, counted, told  # noqa: E402

from backup import drill, take  # noqa: E402
from backup.drilled import Drill  # noqa: E402
from backup.hostside import pg, pg_prove  # noqa: E402
from backup.sources import postgresql_physical  # noqa: E402
from ops.progress import silent  # noqa: E402

TABLE = """CREATE TABLE layanan (id bigint PRIMARY KEY, warga int, waktu timestamptz, biaya numeric(12,2), catatan text,
  uraian text);
INSERT INTO layanan SELECT n, (hashint4(n) & 1048575), now() - n * interval '1 second', n % 900 * 1.25,
  md5(n::text), concat_ws(' ', 'kata', n % 997, n % 1009, n % 5003, n % 20011) FROM generate_series(1, {rows}) n;
CREATE INDEX ON layanan (waktu); CREATE INDEX ON layanan (catatan);
CREATE INDEX ON layanan USING gin (to_tsvector('simple', uraian));
CHECKPOINT;"""
AS = "setpriv --reuid=postgres --regid=postgres --init-groups"
FAST = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in pg_prove.SETTINGS.items())
RESTORE = """
export RESTIC_PASSWORD=$PASSWORD
restic="$RESTIC --no-cache --no-lock --repo $REPOSITORY"
$restic snapshots >/dev/null
[ -z "$MANIFEST" ] || $restic dump $MANIFEST /manifest.json >/dev/null
mkdir -m 0711 $OUT; $restic restore $SNAPSHOT:$PATH_INSIDE --target $OUT/data >/dev/null
mkdir -m 0700 $OUT/pg; chown -R postgres $OUT
"""
COPY = f"""{RESTORE}
{AS} tar -x -i -f $OUT/data/main.tar -C $OUT/pg
PATH=$BIN:$PATH {AS} $BIN/pg_verifybackup -q $OUT/pg
: >$OUT/own.conf; echo 'local all all trust' >$OUT/hba.conf; : >$OUT/pg/postgresql.auto.conf; : >$OUT/pg/recovery.signal
chown -R postgres $OUT
own="-c config_file=$OUT/own.conf -c hba_file=$OUT/hba.conf -c hot_standby=off -c restore_command=false"
{AS} $BIN/pg_ctl -D $OUT/pg -s -w -t 900 -l $OUT/log -o "$own -k $OUT {FAST} -c recovery_target_name=$POINT \
  -c recovery_target_action=promote" start
until psql -h $OUT -U postgres -d simpus -Xqc 'SELECT 1' >/dev/null 2>&1; do sleep 0.1; done
psql -h $OUT -U postgres -d simpus -Xqf $SUMS >/dev/null
$BIN/pg_amcheck -h $OUT -U postgres --all --install-missing -j2 >/dev/null
{AS} $BIN/pg_ctl -D $OUT/pg -s -m fast stop; rm -rf $OUT
"""
DUMP = f"""{RESTORE}
{AS} $BIN/initdb -D $OUT/pg -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
{AS} $BIN/pg_ctl -D $OUT/pg -s -w -l $OUT/log -o "-k $OUT {FAST}" start
psql -h $OUT -U postgres -d postgres -Xqc 'CREATE DATABASE simpus TEMPLATE template0'
$BIN/pg_restore -h $OUT -U postgres -d simpus -j2 --exit-on-error $OUT/data
psql -h $OUT -U postgres -d simpus -Xqf $SUMS >/dev/null
{AS} $BIN/pg_ctl -D $OUT/pg -s -m fast stop; rm -rf $OUT
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_500_000)
    rows = parser.parse_args().rows
    with rig() as made:
        env, size, taking = _stock(made, rows)
        with counted() as cost:
            seen: list[Drill] = []
            ours = cost(lambda: seen.append(_drilled(made)))
            bare = cost(lambda: _shell(COPY, env | _snapshot(seen[0])))
            dump = cost(lambda: _shell(DUMP, env | {"SNAPSHOT": env["DUMPED"], "PATH_INSIDE": env["FOLDER"]}))
    print(f"{rows} rows, {size / 1e9:.2f} GB; backup {taking.cpu:.1f} CPU-s, {taking.wall:.0f} s")
    print("the drill's own steps, s:", dict(seen[0].restored.steps) if seen[0].restored else {})
    print(told({"verified drill of the copy": ours, "its bare steps": bare, "by pg_dump -Fd -j2": dump}))
    return _ratios(ours, bare, dump)


def _ratios(ours: Cost, bare: Cost, dump: Cost) -> int:
    print(f"ours / bare steps:  {ours.cpu / bare.cpu:5.2f} of CPU, {ours.wall / bare.wall:5.2f} of wall (aim <= 1.10)")
    print(f"pg_dump way / ours: {dump.cpu / ours.cpu:5.2f} of CPU, {dump.wall / ours.wall:5.2f} of wall (aim >= 3)")
    return over(
        ("time / bare steps", ours.wall / bare.wall, 1.10),
        ("time / a third of pg_dump's", ours.wall / dump.wall, 1 / 3),
    )


def _stock(made: Rig, rows: int) -> tuple[dict[str, str], int, Cost]:
    """Both backups; the source's server has ended when this returns."""
    dumped = made.folder / "dump"
    with cluster(made.folder) as words:
        sql(words, "postgres", "CREATE DATABASE simpus")
        sql(words, "simpus", *TABLE.format(rows=rows).split(";\n"))
        size = int(sql(words, "simpus", "SELECT pg_database_size('simpus')"))
        postgresql_physical.WHERE = words
        with counted() as cost:
            taking = cost(lambda: take.take(made.places, item("postgresql-physical", "main")))
        subprocess.run(["pg_dump", *words, "-Fd", "-j2", "-Z0", "-f", str(dumped), "simpus"], check=True)
    restic = Rig(made.folder, made.folder / "second").restic()
    restic.ensure()
    saved = restic.backup([*restic.backup_words("localhost", ["dump"]), str(dumped)])
    sums = made.folder / "sums.sql"
    sums.write_text(pg.SETTINGS + pg.SUMS.format(table="ONLY public.layanan", row="(t.*)::text") + ";\n")
    env = {"BIN": pg_prove.newest_binaries(), "RESTIC": restic_program(), "PASSWORD": CANARY, "MANIFEST": ""}
    env |= {"REPOSITORY": str(made.folder / "second"), "OUT": str(made.folder / "o"), "SUMS": str(sums)}
    return env | {"DUMPED": saved.snapshot, "FOLDER": str(dumped)}, size, taking


def _snapshot(seen: Drill) -> dict[str, str]:
    assert seen.manifest
    found = {"SNAPSHOT": seen.entry["snapshot"], "MANIFEST": seen.entry["manifest_snapshot"], "PATH_INSIDE": "/"}
    return {**found, "REPOSITORY": seen.url, "POINT": str(seen.manifest.content["point"])}


def _drilled(made: Rig) -> Drill:
    seen = drill.run(made.places, item("postgresql-physical", "main"), silent)
    assert seen.proven, (seen.failure, seen.checked)
    return seen


def _shell(script: str, env: dict[str, str]) -> None:
    subprocess.run(["sh", "-euc", script], env={**os.environ, **env}, check=True)


if __name__ == "__main__":
    sys.exit(main())
