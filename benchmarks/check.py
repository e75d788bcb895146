"""How fast is `ops check`? `python benchmarks/check.py` on generated inventories; whole processes, best of some runs.

Machines differ and are shared, so every figure is also given as a ratio: to what libyaml alone needs for the same files
(nobody who reads YAML can be faster than 1), and to what this machine needs to start Python and import pydantic.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from offices import inventory, write

_LIMITS = {60: 0.5, 1000: 1.0}  # seconds of wall time that the project promises
_OPS = Path(sys.executable).with_name("ops")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    start = _best(chosen.runs, [sys.executable, "-c", "import pydantic; pydantic.BaseModel"])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for offices, limit in _LIMITS.items():
            made = write(Path(folder) / str(offices), offices)
            wall, cpu = _best(chosen.runs, [str(_OPS), "check", "-i", str(made)])
            yaml_alone = _libyaml(chosen.runs, offices)
            rows.append(
                {
                    "offices": offices,
                    "wall_seconds": round(wall, 3),
                    "cpu_seconds": round(cpu, 3),
                    "limit_seconds": limit,
                    "held": wall <= limit,
                    "libyaml_seconds": round(yaml_alone, 3),
                    "cpu_to_libyaml": round((cpu - start[1]) / yaml_alone, 1),
                    "cpu_to_start": round(cpu / start[1], 1),
                }
            )
    for row in rows:
        print(json.dumps(row) if chosen.json else "  ".join(f"{key}={value}" for key, value in row.items()))
    return 0 if all(row["held"] for row in rows) else 1


def _best(runs: int, argv: list[str]) -> tuple[float, float]:
    """(least wall seconds, least CPU seconds) of that many whole processes."""
    found = [_one(argv) for _ in range(runs)]
    return min(wall for wall, _ in found), min(cpu for _, cpu in found)


def _one(argv: list[str]) -> tuple[float, float]:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _libyaml(runs: int, offices: int) -> float:
    """Least CPU seconds to have libyaml scan and parse the same texts, keeping nothing."""
    texts = list(inventory(offices).values())
    return min(_timed(lambda: [_events(text) for text in texts]) for _ in range(runs))


def _events(text: str) -> None:
    take = yaml.CBaseLoader(text).get_event
    while take() is not None:
        pass


def _timed(work: Callable[[], object]) -> float:
    gc.disable()
    begun = time.process_time()
    work()
    taken = time.process_time() - begun
    gc.enable()
    return taken


if __name__ == "__main__":
    sys.exit(main())
