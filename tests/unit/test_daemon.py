"""Processes that outlive their starter: found again, ended for good, never mistaken for another."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ops.system import daemon


def test_a_started_process_is_found_and_ended(tmp_path: Path) -> None:
    pid = daemon.start(tmp_path, "sleeper", ["sh", "-c", "echo hello; sleep 60"])
    end = time.monotonic() + 30  # a busy machine may start it late, and a process ended before it began says nothing
    while daemon.last_line(tmp_path, "sleeper") != "hello" and time.monotonic() < end:
        time.sleep(0.01)
    assert daemon.alive(tmp_path, "sleeper")
    assert daemon.stop_all(tmp_path) == ["sleeper"]
    assert not daemon.alive(tmp_path, "sleeper")
    assert daemon.last_line(tmp_path, "sleeper") == "hello"
    assert not Path(f"/proc/{pid}").exists()


def test_a_process_that_ignores_term_is_killed(tmp_path: Path) -> None:
    daemon.start(tmp_path, "stubborn", ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"])
    daemon.stop(tmp_path, "stubborn", grace=0.3)
    assert not daemon.alive(tmp_path, "stubborn")


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/old.pid").write_text(f"{os.getpid()} 1\n")
    assert not daemon.alive(tmp_path, "old")
    daemon.stop(tmp_path, "old")  # would end this very test run
