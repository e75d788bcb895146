"""20,000 files with 50 random single-byte changes under their old size and times: how many are found, at what cost.

    nice .venv/bin/python benchmarks/drill_verify.py [files] [changes]

In the same run: bare restic's restore of that snapshot, sha256sum over what came back, and our own hashing of it.
"""

from __future__ import annotations

import hashlib
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from limits import over

from backup.restic import AT_LEAST
from backup.verify import tree
from backup.verify.run import Request, verify
from ops.progress import silent
from ops.system import tools

PASSWORD = "benchmark"
DICE = random.Random(50)


def main() -> int:
    files, changes = (int(word) for word in (*sys.argv[1:], "20000", "50")[:2])
    program = tools.find("restic", AT_LEAST)
    with tempfile.TemporaryDirectory(prefix="drill-verify-") as name:
        folder = Path(name)
        source, repository, list_ = folder / "srv", folder / "repository", folder / "MANIFEST"
        (folder / "password").write_text(PASSWORD)
        lines = _tree(source, files)
        list_.write_text("".join(lines))
        restic = [program, "--no-cache", "--repo", str(repository)]
        _run([*restic, "init"])
        _run([*restic, "backup", "--host", "h", str(source)])
        changed = _spoil(source, changes)
        _run([*restic, "backup", "--host", "h", "--force", str(source)])
        bare = cost(lambda: _run([*restic, "restore", f"latest:{source}", "--target", str(folder / "bare")]))
        sums = cost(lambda: _run(["sh", "-c", f"find {folder}/bare -type f -print0 | xargs -0 sha256sum"]))
        hashing = cost(lambda: tree.look(f"{folder}/bare"))
        asked = Request(str(repository), folder / "password", "h", str(source), folder / "out", list_)
        found: list[str] = []
        ours = cost(lambda: found.extend(_differing(asked)))
        print(f"restic {'.'.join(map(str, tools.version([program, 'version'])))}, {files} files")
        print(f"found {len(changed & set(found))} of {len(changed)} changes, {len(set(found) - changed)} false")
        named = {"bare restore": bare, "sha256sum": sums, "hashing": hashing, "ops drill verify": ours}
        for what, (cpu, wall) in named.items():
            print(f"{what:18} {cpu:6.2f} CPU-s {wall:6.1f} s  {cpu / bare[0]:6.1%} of the restore")
        missed, made_up = len(changed - set(found)), len(set(found) - changed)
        return over(("changes not found", missed, 0), ("found without one", made_up, 0))


def _differing(asked: Request) -> list[str]:
    made = verify(asked, silent)
    assert (made.colour, made.fault) == ("red", "silent"), made.proof[:9]
    return [one.what.removeprefix("differs: ") for one in made.proof if one.what.startswith("differs: ")]


def _tree(root: Path, files: int) -> list[str]:
    lines = []
    for number in range(files):
        path = root / f"{number % 200:03}" / f"{number}.dat"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = DICE.randbytes(DICE.randrange(200, 9000))
        path.write_bytes(content)
        path.chmod(0o644)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {len(content)}  644  {path.relative_to(root)}\n")
    return lines


def _spoil(root: Path, changes: int) -> set[str]:
    chosen = DICE.sample(sorted(root.rglob("*.dat")), changes)
    for path in chosen:
        info, content = path.stat(), bytearray(path.read_bytes())
        content[DICE.randrange(len(content))] ^= 1 << DICE.randrange(8)
        path.write_bytes(content)
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    return {str(path.relative_to(root)) for path in chosen}


def _run(argv: list[str]) -> None:
    env = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "GOMAXPROCS": "2"}
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=env)


def cost(act: Callable[[], object]) -> tuple[float, float]:
    """(CPU-seconds of this process and its children, seconds)."""
    before, begun = cpu(), time.monotonic()
    act()
    return cpu() - before, time.monotonic() - begun


def cpu() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


if __name__ == "__main__":
    sys.exit(main())
