"""A verified drill of a MariaDB server's copy against its bare steps by hand, and against the way by mariadb-dump.

    sudo nice .venv/bin/python benchmarks/drill_mariadb.py [--rows 5000000]

All three ways restore with restic from a repository on this disk, start a server, and sum up every row; CPU-seconds
count the servers too. It runs in the image of the twin's servers. Wall time says something on a quiet machine only: the
load stands beside it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from backup_rig import CANARY, Rig, item  # noqa: E402
from limits import over  # noqa: E402
from metered import Cost, counted, told  # noqa: E402
from throwaway_mariadb import Stock, stocked  # noqa: E402

from backup import drill, take  # noqa: E402
from backup.drilled import Drill  # noqa: E402
from backup.hostside import mariadb_prove  # noqa: E402
from ops.progress import silent  # noqa: E402
from ops.system.process import Ask  # noqa: E402

TABLE = """CREATE DATABASE simpeg;
CREATE TABLE simpeg.layanan (id bigint PRIMARY KEY, warga int, waktu datetime, biaya decimal(12,2), catatan varchar(80),
  KEY (warga), KEY (waktu), KEY (catatan));
INSERT INTO simpeg.layanan SELECT seq, seq % 40000, now() - INTERVAL seq SECOND, seq % 900 * 1.25,
  concat(md5(seq), ' ', md5(seq * 7)) FROM mysql.seq_1_to_{rows}"""
SUMS = """SELECT count(*), sum(cast(conv(left(md5(concat_ws(',', quote(cast(id AS binary)),
quote(cast(warga AS binary)), quote(cast(waktu AS binary)), quote(cast(biaya AS binary)),
quote(cast(catatan AS binary)))), 16), 16, 10) AS unsigned)) FROM simpeg.layanan;"""
FAST = " ".join(f"--{name}={value}" for name, value in mariadb_prove.SETTINGS.items())
AS = "setpriv --reuid=mysql --regid=mysql --init-groups"
RESTORE = f"""
export RESTIC_PASSWORD={CANARY}
restic="restic --no-cache --no-lock --repo {{repository}}"
$restic snapshots >/dev/null; $restic dump {{manifest}} /manifest.json >/dev/null
mkdir -m 0711 {{out}}; $restic restore {{snapshot}} --target {{out}}/data >/dev/null
mkdir -m 0700 {{out}}/pg; chown -R mysql {{out}}
"""
START = f"""
{AS} mariadbd --no-defaults --datadir={{out}}/pg --socket={{out}}/m.sock --pid-file={{out}}/m.pid {FAST} {{more}} \
  >{{out}}/log 2>&1 & server=$!
my="mariadb --no-defaults --socket={{out}}/m.sock --user=root"
until $my -e 'SELECT 1' >/dev/null 2>&1; do kill -0 $server; sleep 0.1; done
"""
END = "kill $server; wait $server; rm -rf {out}\n"
COPY = f"""{RESTORE}
{AS} mbstream -x -C {{out}}/pg <{{out}}/data/mariadb.xb
{AS} mariadb-backup --no-defaults --prepare --target-dir={{out}}/pg --use-memory=256M 2>/dev/null
{START}
$my -e "{SUMS} CHECK TABLE simpeg.layanan" >/dev/null
{END}"""
DUMP = f"""{RESTORE}
{AS} mariadb-install-db --no-defaults --datadir={{out}}/pg --auth-root-authentication-method=normal --skip-test-db \
  --skip-name-resolve >/dev/null
{START}
$my <{{out}}/data/simpeg.sql
$my -e "{SUMS}" >/dev/null
{END}"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    rows = parser.parse_args().rows
    with stocked() as stock:
        stock.machine.sql(*TABLE.format(rows=rows).split(";\n"))
        size = stock.machine.sql("SELECT sum(file_size) FROM information_schema.innodb_sys_tablespaces")
        with counted() as cost:
            kinds = (("mariadb-physical", "mariadb"), ("mariadb", "simpeg"))
            taking = [cost(lambda kind=kind, source=source: _take(stock, kind, source)) for kind, source in kinds]
            seen: list[Drill] = []
            ours = cost(lambda: seen.append(_drilled(stock, *kinds[0])))
            bare = cost(lambda: _shell(stock, COPY, kinds[0][0], "--skip-grant-tables"))
            dump = cost(lambda: _shell(stock, DUMP, kinds[1][0], ""))
            whole = cost(lambda: seen.append(_drilled(stock, *kinds[1])))
    print(f"{rows} rows, {int(size) / 1e9:.2f} GB")
    print("the drill's own steps, s:", dict(seen[0].restored.steps) if seen[0].restored else {})
    rows_of = {"backup of the files": taking[0], "backup by mariadb-dump": taking[1]}
    rows_of |= {"verified drill of the copy": ours, "its bare steps": bare, "by mariadb-dump, bare": dump}
    print(told({**rows_of, "verified drill of the dump": whole}))
    return _ratios(ours, bare, dump)


def _ratios(ours: Cost, bare: Cost, dump: Cost) -> int:
    print(f"ours / bare steps: {ours.cpu / bare.cpu:5.2f} of CPU, {ours.wall / bare.wall:5.2f} of wall (aim <= 1.10)")
    print(f"dump's way / ours: {dump.cpu / ours.cpu:5.2f} of CPU, {dump.wall / ours.wall:5.2f} of wall (aim >= 5)")
    return over(
        ("CPU / bare steps", ours.cpu / bare.cpu, 1.10), ("CPU / a fifth of the dump's", ours.cpu / dump.cpu, 1 / 5)
    )


def _own(stock: Stock, kind: str) -> Stock:
    return Stock(Rig(stock.rig.folder, stock.rig.folder / kind), stock.machine)


def _take(stock: Stock, kind: str, source: str) -> None:
    take.take(_own(stock, kind).places, item(kind, source, kind))


def _drilled(stock: Stock, kind: str, source: str) -> Drill:
    seen = drill.run(_own(stock, kind).places, item(kind, source, kind), silent)
    assert seen.proven, (seen.failure, seen.checked)
    return seen


def _shell(stock: Stock, script: str, kind: str, more: str) -> None:
    lines = [line for line in stock.rig.places.ledger.read() if line["event"] == "backup" and line["kind"] == kind]
    own = _own(stock, kind).rig
    about = {"snapshot": lines[-1]["snapshot"], "manifest": lines[-1]["manifest_snapshot"], "more": more}
    text = script.format(repository=own.repository, out=own.folder / "o", **about)
    stock.machine.run(["sh", "-euc", text], Ask(timeout=7200)).must()


if __name__ == "__main__":
    sys.exit(main())
