"""Random schedules of runs that share hosts: `python benchmarks/jobs_locks.py [SCHEDULES] [SEED]`.

Each is a random order of asking, claiming, ending, crashing, cancelling and of workers that die, checked after every
event against a model (tests/contract/test_run_locks.py), until all is done. In memory, so that it takes minutes.
"""

from __future__ import annotations

import importlib.util
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from jobs_common import HERE, head, say

from ops.runs.tables import TABLES
from ops.system.database import connect


def main(schedules: int, seed: int) -> None:
    head()
    spec = importlib.util.spec_from_file_location("locks", HERE / "tests/contract/test_run_locks.py")
    assert spec
    assert spec.loader
    locks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(locks)
    folder = Path(tempfile.mkdtemp(prefix="jobs-locks-", dir="/dev/shm"))
    database = connect(f"sqlite://{folder / 'jobs.sqlite'}")
    database.create(TABLES)
    chance, events, begun = random.Random(seed), 0, time.monotonic()
    try:
        for number in range(schedules):
            schedule = [event(chance, locks) for _ in range(chance.randint(5, 40))]
            events += len(schedule)
            try:
                locks.play(database, schedule)
            except AssertionError:
                say(f"WRONG: schedule {number} of seed {seed}", schedule)
                raise
    finally:
        database.close()
        shutil.rmtree(folder)
    say(f"{schedules} schedules, {events} events, seed {seed}", f"0 wrong, {time.monotonic() - begun:.0f} s")


def event(chance: random.Random, locks: object) -> tuple[str, object]:
    kind = chance.choice(
        ("ask", "ask", "ask", "claim", "claim", "claim", "finish", "finish", "crash", "cancel", "bury", "ask_strange",
         "ask_urgently")
    )  # fmt: skip
    if kind.startswith("ask"):
        return kind, set(chance.sample(locks.NAMES, chance.choice((0, 1, 1, 2, 2, 3, 4))))  # type: ignore[attr-defined]
    return kind, chance.choice(locks.WORKERS) if kind in {"claim", "bury"} else chance.randint(0, 9)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(*(int(word) for word in (sys.argv[1:] + ["10000", "1"][len(sys.argv) - 1 :])))
