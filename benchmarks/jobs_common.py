"""What the benchmarks of the job engine share: databases as they would really be, a floor to compare with, figures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path.insert(0, str(HERE / "tests"))

from job_rig import Rig, rig, until  # noqa: E402
from stand_in_jobs import JOBS  # noqa: E402

__all__ = ["DATABASES", "HERE", "JOBS", "Rig", "database", "floor", "head", "jobs", "rig", "say", "share", "until"]

DATABASES = ("sqlite", "postgresql")


@contextmanager
def database(kind: str) -> Iterator[tuple[str, Path]]:
    """Address of an empty database that really writes to the disk, and a folder. PostgreSQL needs root."""
    folder = Path(tempfile.mkdtemp(prefix="jobs-"))
    folder.chmod(0o711)
    try:
        if kind == "sqlite":
            yield f"sqlite://{folder / 'jobs.sqlite'}", folder
        else:
            with _postgres(folder) as url:
                yield url, folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    data, sockets = folder / "pg", folder / "s"
    for path in (data, sockets):
        path.mkdir()
        shutil.chown(path, "postgres", "postgres")

    def postgres(*words: str) -> None:
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        subprocess.run([*become, *words], check=True, stdout=subprocess.DEVNULL, cwd="/")

    postgres(f"{programs}/initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8")
    control = [f"{programs}/pg_ctl", "-D", str(data), "-w", "-l", str(data / "log")]
    postgres(*control, "start", "-o", f"-k {sockets} -c listen_addresses=")
    try:
        yield f"postgresql://postgres@/postgres?host={sockets}"
    finally:
        postgres(*control, "stop", "-m", "immediate")


@contextmanager
def jobs(kind: str) -> Iterator[Rig]:
    """A rig on such a database."""
    with database(kind) as (url, folder), rig(url, folder / "rig") as made:
        yield made


def floor(times: int = 20) -> float:
    """Seconds, median, that this machine takes for a Python process that does nothing."""
    taken = []
    for _ in range(times):
        begun = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        taken.append(time.monotonic() - begun)
    return sorted(taken)[times // 2]


def share(values: Sequence[float], part: float) -> float:
    """The value below which that part of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def say(what: str, figure: object) -> None:
    sys.stdout.write(f"{what:<64} {figure}\n")
    sys.stdout.flush()


def head() -> float:
    """What every benchmark begins with; the floor in seconds."""
    load = " ".join(f"{one:.2f}" for one in os.getloadavg())
    least = floor()
    say("machine", f"{os.cpu_count()} cores, load {load}")
    say("floor: `python -c pass`, median", f"{least * 1000:.0f} ms")
    return least
