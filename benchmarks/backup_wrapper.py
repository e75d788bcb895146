"""What a backup costs beside restic itself: CPU of `backup.take` against bare `restic backup` of the same folder.

    nice .venv/bin/python benchmarks/backup_wrapper.py [--gigabytes 2] [--file-mb 1]

Both in one run, into fresh repositories on this disk, with restic's options equal; CPU-seconds (user and system) of
all processes, so that other load disturbs little. `first` is a folder never seen before, `again` the same unchanged.
`hashing` is the part that reads every file for the manifest: bare restic proves nothing about single files.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from limits import over

from backup import keycheck, keys, take
from backup.hostside import tree
from backup.layout import Item
from backup.places import Places
from backup.restic import AT_LEAST, Repository, Restic, Secret
from ops.inventory.model import BackupSet, Opd
from ops.system import tools
from ops.system.process import Local

PASSWORD = "benchmark"  # of repositories that are gone at the end


def fill(folder: Path, gigabytes: float, file_mb: float) -> int:
    """Half of every file packs well, half does not; how many files."""
    chance, size = random.Random(1), int(file_mb * 1_000_000)  # sizes and words, no secrets
    line = " ".join(str(chance.random()) for _ in range(200)).encode()
    count = int(gigabytes * 1000 / file_mb)
    for number in range(count):
        path = folder / f"{number % 97:02}" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        head = (str(number).encode() + line) * (size // 2 // len(line) + 1)
        path.write_bytes(head[: size // 2] + os.urandom(size - size // 2))
    return count


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """(CPU-seconds of this process and all it started, wall seconds)."""
    before, begun = _cpu(), time.monotonic()
    work()
    return _cpu() - before, time.monotonic() - begun


def _cpu() -> float:
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def bare(program: str, room: Path, source: Path) -> Callable[[], object]:
    env = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(room / "bare"), "GOMAXPROCS": "2"}
    words = [program, "--json", "--no-cache", "backup", "--host", "h", str(source)]
    subprocess.run([program, "init"], env=env, check=True, stdout=subprocess.DEVNULL)
    return lambda: subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL)


def wrapped(program: str, room: Path, source: Path) -> Callable[[], object]:
    opd = Opd.model_construct(code="contoh", name="Contoh", backup=())
    declared = BackupSet(name="contoh", kind="files", server="localhost", source=str(source), rpo="24h", rto="4h")

    def restic(_item: Item, key: str) -> Restic:
        return Restic(Local(), Repository(str(room / "ours"), Secret(PASSWORD), key_hint=key), program)

    spots = Places("Contoh", "Asia/Jakarta", room / "state", restic, restic, "localhost", str(room / "drills"))
    item = Item(opd, declared)
    keys.note(spots, item, restic(item, "").ensure(), keycheck.HOST)  # once in a repository's life
    return lambda: take.take(replace(spots, memory=str(room / "memory")), item)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--file-mb", type=float, default=1.0)
    asked = parser.parse_args()
    program, room = tools.find("restic", AT_LEAST), Path(tempfile.mkdtemp(prefix="wrapper-"))
    try:
        source = room / "source"
        source.mkdir()
        files = fill(source, asked.gigabytes, asked.file_mb)
        print(f"{asked.gigabytes} GB in {files} files, load {os.getloadavg()[0]:.1f}", flush=True)
        ways = {"bare": bare(program, room, source), "ours": wrapped(program, room, source)}
        first = {name: cost(way) for name, way in ways.items()}
        again = {name: cost(way) for name, way in ways.items()}
        hashing, _ = cost(lambda: tree.manifest(str(source)))
        for title, found in (("first", first), ("again", again)):
            more = found["ours"][0] - found["bare"][0]
            print(
                f"{title}: bare {found['bare'][0]:.1f} CPU-s ({found['bare'][1]:.0f} s), "
                f"ours {found['ours'][0]:.1f} ({found['ours'][1]:.0f} s): {more:+.1f} = {more / found['bare'][0]:+.1%}"
            )
        wrapper = first["ours"][0] - first["bare"][0] - hashing
        print(f"hashing {hashing:.1f} CPU-s = {hashing / first['bare'][0]:.1%} of bare")
        print(f"first without hashing: {wrapper:+.1f} CPU-s = {wrapper / first['bare'][0]:+.1%} of bare")
        return over(("wrapper without hashing, of bare", wrapper / first["bare"][0], 0.05))
    finally:
        shutil.rmtree(room)


if __name__ == "__main__":
    sys.exit(main())
