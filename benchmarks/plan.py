"""Time from nothing to a plan: load, derive and compare N generated offices, as whole processes.

The world is in memory (once empty, once as declared), so this is the cost of `ops plan` without the network.
Prints the minimum of a few runs and its ratio to `python -c pass` and to `ops check` of the same run.

    .venv/bin/python benchmarks/plan.py 60 1000
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3
_PLAN = """
import sys
from pathlib import Path
from ops import reconcile
from ops.inventory.load import load
from ops.plan.plan import build
region = load(Path(sys.argv[1]))
wanted = reconcile.derive(region)
empty = build(wanted, {}, {})
found = {}
for one in wanted:
    found.setdefault(one.kind, {})[one.key] = one.content
assert len(empty.changes) == len(wanted) and empty.checksum
assert build(wanted, found, {}).changes == ()
print(len(wanted))
"""


def best(argv: list[str]) -> tuple[float, str]:
    """Least wall seconds of ROUNDS runs, and what the last one printed."""
    times, out = [], ""
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        out = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        times.append(time.perf_counter() - begun)
    return min(times), out.strip()


def main() -> None:
    here = Path(__file__).parent
    start, _ = best([sys.executable, "-c", "pass"])
    for offices in [int(word) for word in sys.argv[1:]] or [60, 1000]:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, here / "offices.py", str(offices), folder], check=True)
            check, _ = best([sys.executable, "-m", "ops.cli.main", "check", "-i", folder])
            plan, artefacts = best([sys.executable, "-c", _PLAN, folder])
        print(
            f"{offices} offices, {artefacts} artefacts: check {check:.2f} s ({check / start:.0f} x python start), "
            f"plan {plan:.2f} s ({plan / check:.1f} x check)"
        )


if __name__ == "__main__":
    main()
