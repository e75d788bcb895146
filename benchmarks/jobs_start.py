"""From asking for a run to its first line: `python benchmarks/jobs_start.py [RUNS]`.

One idle worker. `claimed`: from the row in the database to its claim, by the database's clock; `begun`: from the call
that asks to the first line of the flow; `ended`: to the state `done` of a flow with one empty step. Then a burst.
"""

from __future__ import annotations

import sys
import time

from jobs_common import DATABASES, head, jobs, say, share


def main(runs: int) -> None:
    least = head()
    for kind in DATABASES:
        with jobs(kind) as rig:
            rig.work(slots=4)
            rig.ended(rig.ask(steps=1, seconds=0))
            found: dict[str, list[float]] = {"claimed": [], "begun": [], "ended": []}
            for _ in range(runs):
                asked = time.monotonic()
                (run,) = rig.ended(rig.ask(steps=1, seconds=0, boxes=["a"]))
                found["claimed"].append((run.started or 0) - run.created)
                found["begun"].append(float(rig.said("open", run.id)[0][4]) - asked)
                found["ended"].append((run.ended or 0) - run.created)
            for name, values in found.items():
                middle, most = share(values, 0.5), share(values, 0.95)
                text = f"p50 {middle * 1000:.0f} ms, p95 {most * 1000:.0f} ms ({most / least:.1f} x floor)"
                say(f"{kind}: {name}, {runs} runs one by one", text)
            begun = time.monotonic()
            rig.ended(*(rig.ask(steps=1, seconds=0) for _ in range(runs)))
            say(f"{kind}: {runs} runs at once, 4 slots", f"{runs / (time.monotonic() - begun):.1f} runs/s")
            rig.quit()


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 60)
