"""How long a run stands still when something dies: `python benchmarks/jobs_failover.py [TIMES]`.

From the kill to the first line of the run's next process. Workers of two pretended machines know of each other's end
only by beats that stay away; on the same machine, by the lock on a file.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from jobs_common import DATABASES, Rig, head, jobs, say, share, until

from ops.runs.leases import MACHINE_VARIABLE


def main(times: int) -> None:
    head()
    for kind in DATABASES:
        for what in ("its process", "its worker, another one here", "its worker, another one elsewhere"):
            with jobs(kind) as rig:
                taken = [stand_still(rig, what) for _ in range(times)]
            say(f"{kind}: {what} is killed, {times} times", f"p50 {share(taken, 0.5):.2f} s, most {max(taken):.2f} s")


def stand_still(rig: Rig, what: str) -> float:
    machine = {"one": "one", "two": "two"} if "elsewhere" in what else {}
    workers = {}
    for name in ("one", "two"):
        workers[name] = rig.work(name, **({MACHINE_VARIABLE: machine[name]} if machine else {}))
    until(lambda: len(rig.all("SELECT id FROM executor")) == 2, "two workers")
    run = rig.ask(steps=2, seconds=4)
    process = rig.process_of(run)
    killed = time.monotonic()
    if what == "its process":
        os.kill(process, signal.SIGKILL)
    else:
        workers[rig.run(run).owner or ""].kill()
    until(lambda: len(rig.said("open", run)) > 1, "the run to go on")
    taken = float(rig.said("open", run)[-1][4]) - killed
    rig.ended(run)
    rig.quit()
    return taken


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
