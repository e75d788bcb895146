"""The fixed cost of a drill: CPU-seconds and restic processes of one that restores next to nothing, by step.

    nice .venv/bin/python benchmarks/drill_cost.py [drills]

A repository with restic's own scrypt (0.35 CPU-s a call), one small file; evidence included, PDF not. Beside it in the
same run: the bare steps (restic snapshots, dump, restore; sha256sum).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from drill_verify import cost

from backup import drill, evidence, take
from backup.layout import Item
from backup.places import Places
from backup.restic import AT_LEAST, Repository, Restic, Secret
from ops.inventory.model import BackupSet, Opd
from ops.progress import silent
from ops.system import tools
from ops.system.process import Local

PASSWORD = "benchmark"


def main() -> None:
    drills = int((*sys.argv[1:], "5")[0])
    with tempfile.TemporaryDirectory(prefix="drill-cost-") as name:
        folder = Path(name)
        (folder / "srv").mkdir()
        (folder / "srv" / "a").write_text("x" * 1000)
        spots, item = _places(folder), _item(str(folder / "srv"))
        take.take(spots, item)
        evidence.write(spots, drill.run(spots, item, silent))  # what is loaded once
        ours = [cost(lambda: _drilled(spots, item)) for _ in range(drills)]
        bare = [cost(lambda: _bare(folder)) for _ in range(drills)]
        for what, runs in (("a drill with evidence", ours), ("its bare steps", bare)):
            cpu, wall = (statistics.median(one[at] for one in runs) for at in (0, 1))
            print(f"{what:22} {cpu:5.2f} CPU-s {wall:5.1f} s (median of {drills}; load {os.getloadavg()[0]:.0f})")


def _drilled(spots: Places, item: Item) -> None:
    seen = drill.run(spots, item, silent)
    assert seen.proven, seen.failure
    evidence.write(spots, seen)


def _bare(folder: Path) -> None:
    program, out = tools.find("restic", AT_LEAST), folder / "bare"
    restic = [program, "--no-cache", "--no-lock", "--repo", str(folder / "repository")]
    env = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "GOMAXPROCS": "2"}
    for words in (["snapshots"], ["dump", "latest", "/manifest.json"], ["restore", "latest", "--target", str(out)]):
        subprocess.run([*restic, *words], check=True, stdout=subprocess.DEVNULL, env=env)
    subprocess.run(["sh", "-c", f"find {out} -type f | xargs sha256sum"], check=True, stdout=subprocess.DEVNULL)


def _places(folder: Path) -> Places:
    program = tools.find("restic", AT_LEAST)

    def there(_item: Item, key: str) -> Restic:
        return Restic(Local(), Repository(str(folder / "repository"), Secret(PASSWORD), key_hint=key), program)

    return Places("Contoh", "Asia/Jakarta", folder / "state", there, there, "localhost", str(folder / "d"))


def _item(source: str) -> Item:
    opd = Opd.model_construct(code="dinkes", name="Dinas Contoh", backup=())
    return Item(opd, BackupSet(name="contoh", kind="files", server="localhost", source=source, rpo="24h", rto="4h"))


if __name__ == "__main__":
    main()
