"""What the exporter tells of drills, pruning, scans, copies and planted faults; a changed record is red."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from exporters.drills import Drills


def record(state: Path, name: str, at: str, **more: Any) -> Path:
    """A drill's record and its line in the index."""
    span = {"target": 3600.0, "reached": 60.0}
    told = {
        "opd": "dinkes",
        "service": "simpus",
        "class": "none",
        "verdict": "proven",
        "declared": at,
        "differences_total": 0,
        "objectives": {"rto": span, "rpo": span},
        "restore": {"bytes_per_second": 1000.0},
        **more,
    }
    folder = state / "evidence"
    folder.mkdir(exist_ok=True)
    text = json.dumps(told)
    (folder / name).write_text(text)
    with (folder / "index.jsonl").open("a") as index:
        index.write(json.dumps({"file": name, "sha256": hashlib.sha256(text.encode()).hexdigest()}) + "\n")
    return folder / name


def put(path: Path, *told: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in told))


def scraped(state: Path) -> str:
    registry = CollectorRegistry()
    registry.register(Drills(state))
    return generate_latest(registry).decode()


def test_nothing_is_told_where_there_is_nothing(tmp_path: Path) -> None:
    assert "{" not in scraped(tmp_path)


def test_drills_tell_the_newest_and_its_speed_against_those_before(tmp_path: Path) -> None:
    for number, speed in enumerate((900.0, 1000.0, 1100.0, 600.0)):
        at = f"2026-01-0{number + 1}T00:00:00+00:00"
        record(tmp_path, f"{number}.json", at, restore={"bytes_per_second": speed})
    record(tmp_path, "red.json", "2026-01-09T00:00:00+00:00", **{"class": "silent", "differences_total": 3})
    text = scraped(tmp_path)
    labels = '{opd="dinkes",service="dinkes.simpus"}'
    assert f"opd_drill_restore_speed_ratio{labels} 0.6" in text
    assert f"opd_drill_last_green_timestamp_seconds{labels} 1.7674848e+09" in text
    assert 'opd_drill_state{class="silent",opd="dinkes",service="dinkes.simpus"} 1.0' in text
    assert f"opd_drill_files_differ{labels} 3.0" in text
    assert f"opd_drill_records_broken{labels} 0.0" in text


RED = "20260109T000000-dinkes.simpus-ab12.json"


@pytest.mark.parametrize("damage", ["changed", "same size and time", "gone"])
def test_a_red_record_that_was_changed_does_not_let_an_older_green_one_speak(tmp_path: Path, damage: str) -> None:
    record(tmp_path, "20260101T000000-dinkes.simpus-ab11.json", "2026-01-01T00:00:00+00:00")
    red = record(tmp_path, RED, "2026-01-09T00:00:00+00:00", **{"class": "silent"})
    registry = CollectorRegistry()
    registry.register(Drills(tmp_path))
    assert 'opd_drill_state{class="silent"' in generate_latest(registry).decode()
    times = red.stat()
    if damage == "gone":
        red.unlink()
    else:
        red.write_text(red.read_text().replace("silent", "none  " if damage == "same size and time" else "none"))
        os.utime(red, ns=(times.st_atime_ns, times.st_mtime_ns))
    for text in (generate_latest(registry).decode(), scraped(tmp_path)):  # also of what was read before
        assert 'opd_drill_state{class="unreadable",opd="dinkes",service="dinkes.simpus"} 1.0' in text
        assert 'class="none"' not in text
        assert 'opd_drill_records_broken{opd="dinkes",service="dinkes.simpus"} 1.0' in text


def test_a_lost_record_of_a_service_is_told_under_its_kind(tmp_path: Path) -> None:
    record(tmp_path, "20260109T000000-failover.dinkes.layanan-ab12.json", "2026-01-09T00:00:00+00:00").unlink()
    labels = 'class="unreadable",drill="failover",opd="dinkes",service="dinkes.layanan"'
    assert f"opd_service_drill_state{{{labels}}} 1.0" in scraped(tmp_path)


def test_files_of_the_state_are_told_and_broken_ones_are_not(tmp_path: Path) -> None:
    scan = {"service": "a.b", "opd": "a", "place": "vault", "at": 5.0, "rotten": 1, "vanished": 0, "strange": 2}
    put(tmp_path / "rot/a.json", scan)
    (tmp_path / "rot/broken.json").write_text("{")
    put(tmp_path / "copies/a.json", {"service": "a.b", "opd": "a", "at": 7.0, "refused_total": 1, "differs_total": 1})
    refused = {"event": "refused", "of": "a.b", "reason": "flood"}
    put(tmp_path / "ledger/prune.jsonl", refused, refused, {"event": "pruned", "of": "a.b", "at": 9.0})
    put(tmp_path / "inject/told.jsonl", {"at": 3.0, "fault": "silent", "service": "a.b", "seen": False})
    text = scraped(tmp_path)
    for line in (
        'opd_repo_rotten_files{opd="a",place="vault",service="a.b"} 1.0',
        'opd_repo_strange_files{opd="a",place="vault",service="a.b"} 2.0',
        'opd_backup_copy_left_out_files{opd="a",service="a.b"} 2.0',
        'opd_prune_refused_total{reason="flood"} 2.0',
        'opd_prune_last_timestamp_seconds{opd="a",service="a.b"} 9.0',
        'opd_drill_inject_seen{fault="silent",service="a.b"} 0.0',
    ):
        assert line in text


def test_a_drill_of_a_service_is_no_drill_of_a_set(tmp_path: Path) -> None:
    green, red = {"type": "failover", "service": "layanan"}, {"type": "service", "service": "layanan"}
    record(tmp_path, "a.json", "2026-01-04T00:00:00+00:00", **green)
    record(tmp_path, "b.json", "2026-01-05T00:00:00+00:00", **red, **{"class": "incomplete"})
    text = scraped(tmp_path)
    labels = 'drill="{}",opd="dinkes",service="dinkes.layanan"'
    assert f"opd_service_drill_last_green_timestamp_seconds{{{labels.format('failover')}}} 1.7674848e+09" in text
    assert f'opd_service_drill_state{{class="incomplete",{labels.format("service")}}} 1.0' in text
    assert f"opd_service_drill_last_green_timestamp_seconds{{{labels.format('service')}}}" not in text
    assert "opd_drill_state{" not in text
