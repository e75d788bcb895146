"""The fixed cost of a drill: CPU-seconds and restic processes of one that restores next to nothing; a week of them.

    nice .venv/bin/python benchmarks/drill_cost.py [drills] [sets] [gigabytes]

One small file; evidence included, PDF not. restic measures its scrypt when a repository is made, and takes less of it
on a busy machine: the key is sealed anew with what it takes on an idle one, so that figures compare. Beside it in the
same run: the bare steps (restic snapshots, dump, restore; sha256sum).

The last line says what drilling `sets` (180: 60 offices with three each) of so many gigabytes (2) costs within a week
on two cores. It is an extrapolation of the fixed cost and of one drill of 150 MB, no run of 180.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from drill_verify import cost
from limits import over

from backup import drill, evidence, take
from backup.layout import Item
from backup.places import Places
from backup.restic import AT_LEAST, Repository, Restic, Secret
from backup.verify.seal import Master
from ops.inventory.model import BackupSet, Opd
from ops.progress import silent
from ops.system import tools
from ops.system.process import Local

PASSWORD = "benchmark"
IDLE = {"N": 32768, "r": 8, "p": 5}  # what restic measures on an idle core of such a machine
SAMPLE = 150  # MB of the larger drill
WEEK = 2 * 7 * 86400  # CPU-seconds that two cores have


def main() -> int:
    drills, sets, gigabytes = (float(word) for word in (*sys.argv[1:], *("5", "180", "2")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory(prefix="drill-cost-") as name:
        folder = Path(name)
        (folder / "srv").mkdir()
        (folder / "srv" / "a").write_text("x" * 1000)
        _bare(folder, ["init"])
        _as_when_idle(next((folder / "repository" / "keys").iterdir()))
        spots, item = _places(folder, tools.find("restic", AT_LEAST)), _item(str(folder / "srv"))
        take.take(spots, item)
        _drilled(spots, item)  # what is loaded once
        ours = [cost(lambda: _drilled(spots, item)) for _ in range(int(drills))]
        bare = [cost(lambda: _steps(folder)) for _ in range(int(drills))]
        for what, runs in (("a drill with evidence", ours), ("its bare steps", bare)):
            cpu, wall = (statistics.median(one[at] for one in runs) for at in (0, 1))
            print(f"{what:22} {cpu:5.2f} CPU-s {wall:5.1f} s (median of {len(runs)}; load {os.getloadavg()[0]:.0f})")
        processes = _processes(folder, item)
        print(f"restic processes a drill: {processes}")
        fixed = statistics.median(one[0] for one in ours)
        each = max(1e-9, _larger(folder, spots, item, int(drills)) - fixed) / SAMPLE
        total = sets * (fixed + each * gigabytes * 1000)
        print(f"restored, hashed twice and compared: {1 / each:.0f} MB per CPU-s ({SAMPLE} MB)")
        share = f"{total / WEEK:.1%} of a week of 2 cores"
        print(f"extrapolated: {sets:.0f} sets of {gigabytes:g} GB {total:.0f} CPU-s = {share}")
        own = fixed / statistics.median(one[0] for one in bare)
        return over(("restic processes", processes, 3), ("CPU / bare steps", own, 1.1), ("of a week", total / WEEK, 1))


def _larger(folder: Path, spots: Places, item: Item, drills: int) -> float:
    """CPU-seconds of a drill of `SAMPLE` MB, the median of some."""
    for number in range(SAMPLE):
        (folder / "srv" / f"{number}.bin").write_bytes(os.urandom(1_000_000))
    take.take(spots, item)
    return statistics.median(cost(lambda: _drilled(spots, item))[0] for _ in range(drills))


def _drilled(spots: Places, item: Item) -> None:
    seen = drill.run(spots, item, silent)
    assert seen.proven, seen.failure
    evidence.write(spots, seen)


def _processes(folder: Path, item: Item) -> int:
    """How often a drill starts restic: by a restic in between that writes a line each time."""
    spy, log = folder / "restic", folder / "log"
    spy.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {tools.find("restic", AT_LEAST)} "$@"\n')
    spy.chmod(0o755)
    _drilled(_places(folder, str(spy)), item)
    return len(log.read_text().splitlines())


def _steps(folder: Path) -> None:
    out = str(folder / "bare")
    for words in (["snapshots"], ["dump", "latest", "/manifest.json"], ["restore", "latest", "--target", out]):
        _bare(folder, words)
    subprocess.run(["sh", "-c", f"find {out} -type f | xargs sha256sum"], check=True, stdout=subprocess.DEVNULL)


def _bare(folder: Path, words: list[str]) -> None:
    restic = [tools.find("restic", AT_LEAST), "--no-cache", "--no-lock", "--repo", str(folder / "repository")]
    env = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "GOMAXPROCS": "2"}
    subprocess.run([*restic, *words], check=True, stdout=subprocess.DEVNULL, env=env)


def _as_when_idle(path: Path) -> None:
    told = json.loads(path.read_bytes())
    inner = _derived(told).opened(base64.b64decode(told["data"]))
    told |= IDLE
    told["data"] = base64.b64encode(_derived(told).seal(inner)).decode()
    content = json.dumps(told).encode()
    (path.parent / hashlib.sha256(content).hexdigest()).write_bytes(content)
    path.unlink()


def _derived(told: dict[str, int | str]) -> Master:
    how = {"n": int(told["N"]), "r": int(told["r"]), "p": int(told["p"]), "maxmem": 1 << 28, "dklen": 64}
    made = hashlib.scrypt(PASSWORD.encode(), salt=base64.b64decode(str(told["salt"])), **how)
    return Master(made[:32], made[32:48], made[48:])


def _places(folder: Path, program: str) -> Places:
    def there(_item: Item, key: str) -> Restic:
        return Restic(Local(), Repository(str(folder / "repository"), Secret(PASSWORD), key_hint=key), program)

    return Places("Contoh", "Asia/Jakarta", folder / "state", there, there, "localhost", str(folder / "d"))


def _item(source: str) -> Item:
    opd = Opd.model_construct(code="dinkes", name="Dinas Contoh", backup=())
    return Item(opd, BackupSet(name="contoh", kind="files", server="localhost", source=source, rpo="24h", rto="4h"))


if __name__ == "__main__":
    sys.exit(main())
