"""Protect and prove on the twin's real servers: vault over TLS, source hosts, drill server."""

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
OTHER = "dokumen-bappeda"


@pytest.fixture(scope="module")
def protected(applied: Any) -> Any:
    """Two sets of one office with data, and backed up."""
    applied.on_twin("backup", "seed", "--set", f"{SETS},{OTHER}")
    done = applied.json("backup", "run", "--set", f"{SETS},{OTHER}")
    assert [one["ok"] for one in done] == [True, True, True]
    return applied


def test_seeding_twice_adds_nothing(protected: Any) -> None:
    assert protected.json("backup", "seed", "--set", SETS) == {"added": 0}


def test_list_names_who_is_protected_and_who_is_not(protected: Any) -> None:
    found = protected.json("backup", "list")
    assert {"dinkes", "bappeda"} - set(found["with_backup"]) <= {"bappeda"}, "bappeda has a second set, never taken"
    assert len(found["with_backup"]) + len(found["without"]) == found["offices"]
    late = {one["key"]: one["late"] for one in found["sets"]}
    assert late["dinkes.simpus"] is False
    assert late["dinkes.dokumen-dinkes"] is False


def test_a_set_that_is_not_applied_yet_says_what_to_do(protected: Any) -> None:
    path = "/etc/kominfo/backup/dinkes.simpus.json"
    server(protected, "dc-db", f"sudo mv {path} {path}.away")
    try:
        said = protected.on_twin("backup", "run", "--set", "simpus", code=6)
        assert "ops apply" in said
    finally:
        server(protected, "dc-db", f"sudo mv {path}.away {path}")


def test_drill_proves_both_and_the_evidence_verifies(protected: Any) -> None:
    done = protected.json("drill", "run", "--set", SETS)
    assert [(one["set"], one["proven"], one["differences"]) for one in done] == [
        ("dokumen-dinkes", True, 0),
        ("simpus", True, 0),
    ]
    files, database = done
    assert files["counts"]["files"] == 402, "400 documents and two canaries"
    assert database["counts"]["rows"] > 12_000
    assert database["rpo_basis"] == "newest row: public.layanan.waktu"
    for one in done:
        protected.ops("evidence", "verify", one["record"])
        record = json.loads(Path(one["record"]).read_text(encoding="utf-8"))
        assert record["restored_on"] == "drc-restore"
        assert record["objectives"]["rto"]["reached"] < record["objectives"]["rto"]["target"]
    assert server(protected, "drc-restore", "sudo ls /srv/kominfo-drill").strip() == ""


def test_a_host_backs_up_by_itself_and_the_station_counts_it(protected: Any) -> None:
    """By the unit that its timers start; signed by the host, collected, and proven like any other."""
    unit = "kominfo-backup@dinkes.dokumen-dinkes.service"
    server(protected, "dc-app", f"sudo systemctl start {unit}")
    (found,) = protected.json("backup", "collect", "--set", "dokumen-dinkes")
    assert (found["counted"], found["refused"]) == (1, [])
    assert protected.json("backup", "collect", "--set", "dokumen-dinkes")[0]["counted"] == 0
    roles = {one["role"] for one in protected.json("backup", "keys", "list") if one["set"] == "dinkes.dokumen-dinkes"}
    assert roles == {"host", "drill"}
    assert protected.json("backup", "keys", "check")["unknown"] == {}
    assert protected.json("drill", "run", "--set", "dokumen-dinkes")[0]["proven"] is True


def test_a_planted_fault_is_seen(protected: Any) -> None:
    found = protected.json("drill", "inject", "random", "--set", "dokumen-dinkes", "--seed", "1")
    assert (found["seen"], found["after"]["class"]) == (True, found["fault"])


def test_a_changed_row_or_file_after_the_backup_does_not_disturb_the_proof(protected: Any) -> None:
    server(protected, "dc-app", "echo later | sudo tee /srv/opd/dinkes/later.txt")
    assert protected.json("drill", "run", "--set", "dokumen-dinkes")[0]["proven"] is True


def test_no_secret_stays_in_state_records_or_words(protected: Any) -> None:
    state = protected.state / "twin" / protected.name
    values = [line.partition(": ")[2].strip() for line in (state / "secrets.yml").read_text().splitlines()]
    values = [value for value in values if len(value) >= 20]
    assert values
    for folder in ("ledger", "drills", "evidence"):
        for path in (state / folder).rglob("*"):
            text = path.read_bytes() if path.is_file() else b""
            assert not [value for value in values if value.encode() in text], path


def test_a_killed_drill_leaves_no_process_and_the_next_one_cleans_up(protected: Any) -> None:
    journals = protected.state / "twin" / protected.name / "drills"
    before = set(journals.glob("*.jsonl"))
    ops = str(Path(sys.executable).parent / "ops")
    argv = [ops, "drill", "run", "--set", "simpus", "--twin", protected.name, "-i", str(protected.inventory), "-q"]
    station = subprocess.Popen(argv, env=protected.environment(), stdout=subprocess.DEVNULL)
    until(lambda: any('"step": "look"' in path.read_text() for path in set(journals.glob("*.jsonl")) - before), 240)
    time.sleep(0.3)
    station.send_signal(signal.SIGKILL)
    station.wait()
    until(lambda: server(protected, "drc-restore", "pgrep -f '[/]srv/kominfo-drill' || true").strip() == "", 15)
    assert server(protected, "drc-restore", "sudo ls /srv/kominfo-drill").strip() != ""
    assert protected.json("drill", "run", "--set", "simpus")[0]["proven"] is True
    assert server(protected, "drc-restore", "sudo ls /srv/kominfo-drill").strip() == ""


def until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_a_corrupt_pack_at_the_vault_is_not_proven(protected: Any) -> None:
    find = f"sudo find /srv/restic/dc-app/bappeda.{OTHER}/data -type f -size +1M | head -1"
    pack = server(protected, "drc-vault", find).strip()
    server(protected, "drc-vault", f"printf XXXX | sudo dd of={pack} bs=1 seek=5000 conv=notrunc status=none")
    said = protected.on_twin("drill", "run", "--set", OTHER, code=7)
    assert "NOT PROVEN" in said
    assert server(protected, "drc-restore", "sudo ls /srv/kominfo-drill").strip() == ""


def test_a_dead_vault_is_told_at_once_and_by_name(protected: Any) -> None:
    server(protected, "drc-vault", "sudo systemctl stop kominfo-vault.service")
    try:
        said = protected.on_twin("backup", "run", "--set", SETS, code=6, timeout=60)
        assert said.count("unreachable") >= 2
    finally:
        server(protected, "drc-vault", "sudo systemctl start kominfo-vault.service")


def test_seeding_is_refused_outside_a_twin(protected: Any) -> None:
    protected.ops("backup", "seed", "-i", str(protected.inventory), code=5)


def server(regency: Any, name: str, command: str) -> str:
    return str(regency.ops("twin", "ssh", "--name", regency.name, name, command))
