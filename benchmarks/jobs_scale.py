"""Many runs over several workers: `python benchmarks/jobs_scale.py [--runs 1000] [--seconds 2] [--slots 16]`.

Each run has a host of its own, which it only waits for. Then the database alone: claims and ends without any process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from pathlib import Path

from jobs_common import DATABASES, JOBS, Rig, database, head, jobs, say, until

from ops.runs import queue
from ops.runs.leases import Lease
from ops.runs.model import Order, RunState, Scope
from ops.runs.tables import TABLES
from ops.system.database import connect


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--database", choices=DATABASES, nargs="+", default=DATABASES)
    args = parser.parse_args()
    head()
    for kind in args.database:
        alone = 0.0
        for workers in args.workers:
            with jobs(kind) as rig:
                rate, cpu = through(rig, args, workers)
            alone = alone or rate / workers
            ideal = workers * args.slots / args.seconds
            text = f"{rate:.1f} runs/s, {rate / workers / alone:.2f} per worker, {rate / ideal:.2f} of the slots' most"
            say(f"{kind}: {args.runs} runs of {args.seconds:g} s, {workers} x {args.slots} slots", f"{text}; {cpu}")
        for processes in (1, 4):
            rate = limit(kind, processes, args.runs)
            say(f"{kind}: claim + end, no processes, {processes} at a time", f"{rate:.0f} runs/s")


def through(rig: Rig, args: argparse.Namespace, workers: int) -> tuple[float, str]:
    """Runs a second from the first claim to the last end, and what that costs this machine's cores a run."""
    for number in range(workers):
        rig.work(f"worker-{number}", slots=args.slots)
    until(lambda: len(rig.all("SELECT id FROM executor")) == workers, "the workers")
    time.sleep(2)
    busy = _busy()
    for number in range(args.runs):
        rig.ask("waits", seconds=args.seconds, hosts=[f"host-{number}"])
    left = "SELECT count(*) AS n FROM run WHERE state IN ('waiting', 'running')"
    until(lambda: not rig.all(left)[0]["n"], "the end", seconds=3600)
    (row,) = rig.all("SELECT min(started) AS begun, max(ended) AS ended, count(*) AS n FROM run WHERE state = 'done'")
    cpu = (_busy() - busy) / args.runs
    assert row["n"] == args.runs
    rig.quit()
    return args.runs / (row["ended"] - row["begun"]), f"{cpu * 1000:.0f} ms of all cores' work a run"


def limit(kind: str, processes: int, runs: int) -> float:
    with database(kind) as (url, folder):
        mine = connect(url)
        mine.create(TABLES)
        names = [f"worker-{number}" for number in range(processes)]
        for name in names:
            Lease(mine, folder, name, 1).take()
        for number in range(runs):
            order = Order("waits", {}, "ani")
            queue.enqueue(mine, JOBS["waits"], order, {}, Scope(locks=(f"host:{number}",)))
        mine.close()
        begun = time.monotonic()
        several = [multiprocessing.Process(target=drain, args=(url, name)) for name in names]
        for one in several:
            one.start()
        for one in several:
            one.join()
        return runs / (time.monotonic() - begun)


def drain(url: str, name: str) -> None:
    mine = connect(url)
    while run := queue.claim(mine, name, JOBS):
        queue.finish(mine, run, RunState.DONE, {}, None)
    mine.close()


def _busy() -> float:
    """Seconds that this machine's cores have worked."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system = (int(word) for word in words[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
