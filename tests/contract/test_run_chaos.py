"""kill -9 at random moments, of anything, on both databases. `benchmarks/jobs_chaos.py` does a thousand."""

from __future__ import annotations

from pathlib import Path

import pytest
from job_chaos import Campaign
from job_rig import rig

KILLS = 20
WORKERS = {"sqlite": 2, "postgresql": 3}


@pytest.mark.parametrize("seed", [20261])
def test_nothing_is_lost_or_done_twice_whatever_is_killed(database_url: str, tmp_path: Path, seed: int) -> None:
    with rig(database_url, tmp_path / "rig") as made:
        workers = WORKERS[database_url.partition(":")[0]]
        report = Campaign(made, seed, workers, pause=(0.05, 0.35)).run(KILLS)
        assert report.wrong == {}, report
        assert report.kills.total() == KILLS
        assert report.attempts > report.runs  # something was interrupted
