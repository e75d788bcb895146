"""How helpers on hosts run programs: input that is read late, a station that is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from backup.hostside import programs

ROOT = Path(__file__).parents[3]


def test_input_that_is_read_after_the_first_sign_of_life_arrives_whole() -> None:
    """A restic on a thin line loads its index first; a pipe would be full by then."""
    text = "ä" * 500_000
    words = ["sh", "-c", f"sleep {programs.PULSE + 0.5}; cat | wc -c"]
    assert int(programs.run(words, timeout=60, given=text)["out"]) == 1_000_000


def test_a_station_that_is_gone_ends_what_was_started_in_order(tmp_path: Path) -> None:
    script = "trap 'sleep 1; touch tidy; exit' TERM; touch begun; sleep 300 & wait"
    code = f"from backup.hostside import programs\nprograms.run(['bash', '-c', {script!r}], timeout=300)\n"
    helper = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
    )
    assert helper.stdout
    until(tmp_path / "begun")
    helper.stdout.close()
    try:
        until(tmp_path / "tidy")
        assert helper.wait(30) != 0
    finally:
        helper.send_signal(signal.SIGKILL)
        helper.wait()


def until(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
