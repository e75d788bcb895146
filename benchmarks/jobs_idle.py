"""What a worker costs that has nothing to do: `python benchmarks/jobs_idle.py [SECONDS]`.

The worker and the process that its runs are copies of, with the real kinds of jobs loaded. PSS shares what is shared.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from jobs_common import DATABASES, head, jobs, say, until


def main(seconds: float) -> None:
    head()
    for kind in DATABASES:
        with jobs(kind) as rig:
            rig.module = "stand_in_real"
            (rig.folder / "stand_in_real.py").write_text(REAL)
            worker = rig.work()
            until(lambda: rig.all("SELECT id FROM executor"), "the worker")
            time.sleep(3)
            (nursery,) = (pid for pid in rig.processes() if pid != worker.pid)
            before = [cpu(pid) for pid in (worker.pid, nursery)]
            time.sleep(seconds)
            for name, pid, earlier in zip(("worker", "its nursery"), (worker.pid, nursery), before, strict=True):
                used = (cpu(pid) - earlier) / seconds
                say(f"{kind}: {name}, idle for {seconds:g} s", f"{used:.1%} of a core, {memory(pid)}")
            rig.quit()


REAL = """
import sys
from ops.jobs.registry import every, find
from ops.runs.inside import main
JOBS = every() if __name__ != "__main__" else {}
if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), find))
"""


def cpu(pid: int) -> float:
    """Seconds of a core that a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> str:
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        found[name] = int(value.split()[0]) / 1024
    return f"RSS {found['Rss']:.0f} MB, PSS {found['Pss']:.0f} MB"


if __name__ == "__main__":
    main(float(sys.argv[1]) if sys.argv[1:] else 30.0)
