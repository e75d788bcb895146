"""What the engine survives: `python benchmarks/jobs_chaos.py [--kills 1000] [--seed 1] [--database sqlite|postgresql]`.

A mix of stand-in jobs on SQLite with two workers, or on PostgreSQL with three; a kill -9 of a run, a worker, both, or
everything every 0.2 to 0.5 s. Prints what was killed and everything that must not be.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from jobs_common import database, rig  # first: it shows where the tests are

# isort: split
from job_chaos import Campaign, Report

EVERY = 50
TOLD = {0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="sqlite", choices=("sqlite", "postgresql"))
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="jobs-chaos-"))
    workers = 3 if args.database == "postgresql" else 2
    with database(args.database) as (url, _), rig(url, folder / "rig") as made:
        report = Campaign(made, args.seed, workers, pause=(0.2, 0.5)).run(args.kills, told)
    found = {**asdict(report), "kills": dict(report.kills), "total": report.kills.total()}
    sys.stdout.write(json.dumps(found, indent=2, default=str) + "\n")
    if report.wrong:
        sys.stdout.write(f"WRONG: {', '.join(report.wrong)}; see {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


def told(report: Report) -> None:
    total = report.kills.total()
    if total % EVERY == 0 and total not in TOLD:
        TOLD.add(total)
        sys.stderr.write(f"{total} kills\n")


if __name__ == "__main__":
    sys.exit(main())
