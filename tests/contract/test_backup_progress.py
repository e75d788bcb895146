"""How far a long backup is, told while it runs: by the real restic, through a host's Python, to the job's events."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from backup_rig import restic_program

from backup import underway
from backup.hostside import limits, programs, restic_call
from ops.progress import Event, State
from ops.system import hostpython
from ops.system.process import Local

ALL_DAY = {"from": "00:00", "until": "24:00", "kib_per_second": 1500}


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Any]:
    """A repository that takes 1.5 MB a second, and 4 MB that do not compress."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(os.urandom(4_000_000))
    env = {**os.environ, "RESTIC_PASSWORD": "canary"}
    words = [restic_program(), "--repo", str(tmp_path / "repository"), "init"]
    subprocess.run(words, env=env, check=True, capture_output=True, timeout=120)
    return {"url": str(tmp_path / "repository"), "password": {"value": "canary"}, "limits": [ALL_DAY]}


def test_a_running_restic_is_followed(place: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(programs, "PULSE", 0.1)
    monkeypatch.setattr(programs, "tell", lambda **event: told.append(event))
    done = restic_call.restic(
        program=restic_program(),
        words=["backup", str(tmp_path / "data")],
        repository=place,
        timeout=600,
        env={"RESTIC_PROGRESS_FPS": "10"},
    )
    assert done["code"] == 0, done
    steps = [one["percent"] for one in told if "percent" in one]
    assert steps, told
    assert steps == sorted(set(steps)), "each tells more than the one before"
    assert all(later - one >= restic_call.POINTS - 1 for one, later in itertools.pairwise(steps))
    assert {one["of"] for one in told if one.get("percent")} <= {4_000_000, None}


def test_where_the_slow_hours_end_the_backup_goes_on_faster(
    place: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.monotonic()

    def slow_at_first(*_window: object) -> list[str]:
        return ["--limit-upload", "20"] if time.monotonic() < begun + 3 else []  # 4 MB would take more than 3 minutes

    monkeypatch.setattr(programs, "PULSE", 0.1)
    monkeypatch.setattr(programs, "tell", lambda **_event: None)
    monkeypatch.setattr(limits, "words", slow_at_first)
    asked = {"program": restic_program(), "repository": place}
    done = restic_call.restic(words=["backup", str(tmp_path / "data")], timeout=150, **asked)
    assert done["code"] == 0, done
    assert "--limit-upload" not in done["argv"]
    assert json.loads(done["out"].splitlines()[-1])["total_bytes_processed"] == 4_000_000
    assert restic_call.restic(words=["list", "locks", "--no-lock"], timeout=60, **asked)["out"] == ""


@pytest.mark.parametrize(
    ("said", "percent"),
    [
        (b"", None),
        (b'{"message_type":"status","percent_done":0.5', None),  # not ended yet
        (b'{"message_type":"status","percent_done":0.02}\n', None),  # hardly more than nothing
        (b'{"message_type":"status","percent_done":0.1}\n{"message_type":"status","percent_done":0.4}\n{"mess', 40),
        (b'{"message_type":"status","percent_done":"x"}\n', None),
        (b'\xff\x00 {"message_type":"status"', None),
    ],
)
def test_only_whole_lines_that_say_more_are_told(
    said: bytes, percent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(programs, "tell", lambda **event: told.append(event))
    restic_call.Status().look(said)
    assert [one["percent"] for one in told] == ([] if percent is None else [percent])


def test_who_listens_hears_what_a_host_tells() -> None:
    heard: list[Event] = []
    asked = hostpython.Call((programs,), "tell", {"percent": 41, "of": 1_234_000_000, "left": 200, "bytes": 1})
    hostpython.call(Local(), asked)  # nobody listens
    with hostpython.heard(underway.listener(heard.append, "back up", "dinkes.simpus")):
        hostpython.call(Local(), asked)
        hostpython.call(Local(), hostpython.Call((programs,), "tell", {"alive": True}))
        hostpython.call(Local(), hostpython.Call((programs,), "tell", {"unreachable": "refused"}))
    hostpython.call(Local(), asked)
    assert heard == [
        Event("back up", "dinkes.simpus", State.RUNNING, "41 % of 1.23 GB, about 3 min left"),
        Event("back up", "dinkes.simpus", State.RUNNING, "the vault does not answer (refused); waiting for it"),
    ]
