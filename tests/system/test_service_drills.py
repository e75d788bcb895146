"""Whole services started from their backups on the twin: asked in isolation, and taken over by a standby and back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system
SETS = "simpus,dokumen-dinkes"
HOME, STANDBY = "10.40.0.12", "10.40.8.12"
BROKEN = """
services:
  - name: kosong
    web: diskominfo
    files: dokumen-diskominfo
    database: aset-ti
    rto: 8h
    patience: 3s
    probes:
      - path: /
        expect: Dokumen contoh
      - sql: SELECT count(*) > 0 FROM public.layanan
        expect: t
  - name: lambat
    web: diskominfo
    files: dokumen-diskominfo
    rto: 1s
    patience: 3s
    probes:
      - path: /
        expect: yang tidak tertulis
"""


@pytest.fixture(scope="module")
def served(applied: Any) -> Any:
    """The sets of a service, backed up."""
    applied.on_twin("backup", "seed", "--set", SETS)
    done = applied.json("backup", "run", "--set", SETS)
    assert [one["ok"] for one in done] == [True, True]
    return applied


def newest(regency: Any, what: str) -> dict[str, Any]:
    """The newest record of a drill of a service; its evidence holds."""
    folder = regency.state / "twin" / regency.name / "evidence"
    path = max(folder.glob(f"*-{what}-*.json"))
    regency.ops("evidence", "verify", str(path))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def server(regency: Any, command: str) -> str:
    return str(regency.ops("twin", "ssh", "--name", regency.name, "drc-restore", command))


def nothing_is_left(regency: Any) -> bool:
    script = (
        "sudo ls /srv/kominfo-dril[l]; ls /run/systemd/system | grep kominfo-standby; "
        "sudo nft list ruleset | grep kominfo-standby; pgrep -f '[/]srv/kominfo-drill'; true"
    )
    return server(regency, script).strip() == ""


def until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)


def test_a_service_is_started_from_its_backups_and_answers(served: Any) -> None:
    (done,) = served.json("drill", "run", "--service", "layanan")
    assert (done["proven"], done["class"], [one["wrong"] for one in done["probes"]]) == (True, "none", ["", ""])
    assert done["rpo_basis"] == "newest business time: SELECT max(waktu) FROM public.layanan"
    record = newest(served, "service.dinkes.layanan")
    assert record["type"] == "service"
    assert [(one["set"], one["proven"]) for one in record["sets"]] == [
        ("dinkes.dokumen-dinkes", True),
        ("dinkes.simpus", True),
    ]
    assert all(one["sha256"] for one in record["sets"]), "each set has evidence of its own"
    assert record["probes"][0]["answer"]["status"] == 200
    names = [(one["of"], one["name"]) for one in record["steps"]]
    assert names.index(("dinkes.simpus", "compare")) < names.index(("", "probe")) < names.index(("", "clean up"))
    assert nothing_is_left(served)


def test_files_that_are_right_are_not_yet_a_service(served: Any, office: Callable[[str], Path]) -> None:
    """A database without requests was backed up and restored without a difference; another page never comes in time.

    Both services are of the same set of files: each restores it for itself.
    """
    path = office("diskominfo")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.rstrip("\n") + BROKEN, encoding="utf-8")
    try:
        served.on_twin("backup", "seed", "--set", "dokumen-diskominfo,aset-ti")
        emptied = "sudo -u postgres psql -d asetti -c 'TRUNCATE public.layanan'"
        served.ops("twin", "ssh", "--name", served.name, "dc-db", emptied)
        served.on_twin("backup", "run", "--set", "dokumen-diskominfo,aset-ti")
        served.on_twin("drill", "run", "--service", "kosong,lambat", code=7)
    finally:
        path.write_text(text, encoding="utf-8")
    empty, slow = newest(served, "service.diskominfo.kosong"), newest(served, "service.diskominfo.lambat")
    assert [one["proven"] for one in empty["sets"]] == [True, True]
    assert (empty["class"], [one["held"] for one in empty["probes"]]) == ("incomplete", [True, False])
    assert (slow["class"], slow["verified"], slow["differences_total"]) == ("rto", "", 0)
    assert slow["sets"][0]["drill"] != empty["sets"][0]["drill"]
    assert nothing_is_left(served)


def test_a_standby_takes_over_in_a_test_view_and_all_goes_back(served: Any) -> None:
    (done,) = served.json("drill", "run", "--failover", "layanan")
    assert (done["proven"], done["class"]) == (True, "none")
    record = newest(served, "failover.dinkes.layanan")
    view = record["view"]
    assert [view[when]["test"] for when in ("before", "switched", "after")] == [[HOME], [STANDBY], [HOME]]
    assert [view[when]["official"] for when in ("before", "switched", "after")] == [[[HOME]]] * 3
    assert record["probes"][0]["answer"]["mark"] == record["drill"], "it was the standby that answered"
    assert nothing_is_left(served)


def test_a_standby_that_serves_already_is_refused(served: Any) -> None:
    server(served, "sudo systemctl enable nginx.service 2>&1")
    try:
        said = served.on_twin("drill", "run", "--failover", "layanan", code=5)
        assert "looks like production: nginx.service is enabled there" in said
    finally:
        server(served, "sudo systemctl disable nginx.service 2>&1")
    assert nothing_is_left(served)


@pytest.mark.parametrize("resumes", [True, False])
def test_a_killed_failover_goes_on_or_the_next_drill_clears_it_away(served: Any, resumes: bool) -> None:
    journals = served.state / "twin" / served.name / "drills"
    before = set(journals.glob("*.jsonl"))
    ops = str(Path(sys.executable).parent / "ops")
    words = ["drill", "run", "--failover", "layanan", "--twin", served.name, "-i", str(served.inventory), "-q"]
    station = subprocess.Popen([ops, *words], env=served.environment(), stdout=subprocess.DEVNULL)
    until(lambda: any('"step": "probe"' in path.read_text() for path in set(journals.glob("*.jsonl")) - before), 240)
    station.send_signal(signal.SIGKILL)
    station.wait()
    if resumes:
        (done,) = served.json("drill", "resume")
        assert done["proven"] is True
        record = newest(served, "failover.dinkes.layanan")
        assert record["resumed"] == 1
        assert [one["name"] for one in record["steps"]].count("provision") == 1
    else:
        assert served.json("drill", "run", "--set", "dokumen-dinkes")[0]["proven"] is True
    assert nothing_is_left(served)
