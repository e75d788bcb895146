"""The job engine as people use it: `ops serve` on the shared twin: killed, watched, cancelled, approved."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]


class Serving:
    """`ops serve` on a twin, without the exporter."""

    def __init__(self, regency: Any) -> None:
        self.regency = regency
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["serve", "--no-exporter", "--twin", self.regency.name, "-i", str(self.regency.inventory)]
        argv = [str(Path(sys.executable).parent / "ops"), *words]
        self.process = subprocess.Popen(argv, env=self.regency.environment(), cwd=ROOT, start_new_session=True)

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> int:
        assert self.process
        self.process.terminate()
        return self.process.wait(60)

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.regency.json("jobs", "show", run)
        return found

    def enqueue(self, *words: str) -> str:
        return str(self.regency.json(*words, "--enqueue")["run"])


def until(condition: Callable[[], bool], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.3)


def marked(run: str) -> list[int]:
    """Processes of this machine that carry the run's mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"OPS_RUN_ID={run}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.fixture
def serving(applied: Any) -> Iterator[Serving]:
    one = Serving(applied)
    one.start()
    yield one
    if one.process and one.process.poll() is None:
        one.stop()


def test_a_killed_service_goes_on_where_it_was(serving: Serving) -> None:
    """kill -9 in the middle of a backup of two sets: the set that was done is not done again."""
    serving.regency.on_twin("backup", "seed", "--set", "simpus,dokumen-dinkes")
    run = serving.enqueue("backup", "run", "--set", "simpus,dokumen-dinkes")

    def done() -> int:
        return sum(step["ended"] is not None for step in serving.run(run)["steps"])

    until(lambda: done() >= 1 or serving.run(run)["state"] == "done")
    serving.kill()
    until(lambda: not marked(run))  # its processes end with it
    kept = {step["name"]: step["ended"] for step in serving.run(run)["steps"] if step["ended"]}
    serving.start()
    until(lambda: serving.run(run)["state"] not in {"waiting", "running"})
    told = serving.run(run)
    assert told["state"] == "done", told["error"]
    assert {step["name"]: step["ended"] for step in told["steps"] if step["name"] in kept} == kept
    assert {step["name"] for step in told["steps"]} == {"back up dinkes.simpus", "back up dinkes.dokumen-dinkes"}
    assert told["opds"]["dinkes"]["state"] == "changed"
    assert serving.regency.on_twin("history", "--verify").startswith("the history is as it was written")


def test_a_cancelled_playbook_leaves_nothing_running(serving: Serving) -> None:
    run = serving.enqueue("provision", "--limit", "dc-web,dc-dns")
    until(lambda: any(event["subject"] for event in serving.run(run)["events"]))  # a host has answered
    serving.regency.on_twin("jobs", "cancel", run)
    until(lambda: serving.run(run)["state"] == "cancelled")
    assert marked(run) == []
    for server in ("dc-web", "dc-dns"):
        left = serving.regency.on(server, f"grep -lazx OPS_RUN_ID={run} -r /proc --include=environ -s || true")
        named = [serving.regency.on(server, f"cat /proc/{pid}/cmdline") for pid in re.findall(r"/proc/(\d+)/env", left)]
        assert named == []
    again = serving.enqueue("provision", "--limit", "dc-web,dc-dns", "--tags", "common")
    until(lambda: serving.run(again)["state"] not in {"waiting", "running"})
    assert serving.run(again)["state"] == "done"


def test_a_second_person_is_needed_and_recorded(serving: Serving) -> None:
    checksum = serving.regency.json("plan")["checksum"]
    said = serving.regency.on_twin("apply", checksum, "--needs-approval", "--reason", "to be seen by two", code=5)
    assert "waits for a second person" in said
    (held,) = [run for run in serving.regency.json("jobs", "list") if run["state"] == "held"]
    said = serving.regency.on_twin("jobs", "approve", held["id"], code=5)
    assert "may not approve" in said
    before = os.environ.get("SUDO_USER")
    os.environ["SUDO_USER"] = "orang-kedua"
    try:
        serving.regency.on_twin("jobs", "approve", held["id"], "--comment", "seen")
    finally:
        os.environ.pop("SUDO_USER") if before is None else os.environ.update(SUDO_USER=before)
    until(lambda: serving.run(held["id"])["state"] == "done")
    told = serving.run(held["id"])
    assert [(one["who"], one["verdict"], one["comment"]) for one in told["approvals"]] == [
        ("orang-kedua", "approved", "seen")
    ]
    assert told["reason"] == "to be seen by two"


def test_two_runs_on_one_host_wait_for_each_other(serving: Serving) -> None:
    """A backup of dc-db and a playbook on dc-db: one after the other, also when a person runs one of them."""
    first = serving.enqueue("provision", "--limit", "dc-db", "--tags", "common")
    until(lambda: serving.run(first)["state"] == "running")
    (set_,) = serving.regency.json("backup", "run", "--set", "simpus")
    assert set_["ok"]
    (mine,) = serving.regency.json("history", "--job", "backup", "--limit", "1")
    assert mine["started"] >= serving.run(first)["ended"]


def test_the_service_stops_in_order(serving: Serving) -> None:
    assert serving.process
    own = serving.process.pid
    until(lambda: any(worker["pid"] == own for worker in serving.regency.json("jobs", "workers")))
    assert serving.stop() == 0
    assert serving.regency.json("jobs", "workers") == []


def test_drift_configurations_and_reports_are_jobs(serving: Serving) -> None:
    """Asked for through the calendar's own door: a schedule that is due now."""
    regency = serving.regency
    path = regency.inventory / "schedules.yml"
    before = path.read_text()
    minute = "* * * * *"
    path.write_text(
        "schedules:\n"
        f'  - {{name: now-drift, job: drift, cron: "{minute}"}}\n'
        f'  - {{name: now-config, job: config-backup, cron: "{minute}", args: {{opd: [dinkes, disdik]}}}}\n'
        f'  - {{name: now-report, job: report, cron: "{minute}"}}\n'
    )
    try:
        kinds = {"drift": "done", "config-backup": "done", "report": "done"}

        def ended() -> dict[str, str]:
            runs = regency.json("history", "--by", "schedule now-drift") + regency.json("history", "--state", "done")
            return {run["kind"]: run["state"] for run in runs if run["kind"] in kinds and run["ended"]}

        until(lambda: ended() == kinds, 240)
    finally:
        path.write_text(before)
    (config,) = regency.json("history", "--job", "config-backup", "--limit", "1")
    assert {router["router"] for router in config["result"]["routers"]} == {"dinkes-rtr1", "disdik-rtr1"}
    assert config["who"] == "schedule now-config"


def test_an_interrupted_command_cancels_its_run(applied: Any) -> None:
    words = ["provision", "--limit", "dc-web", "--twin", applied.name, "-i", str(applied.inventory)]
    argv = [str(Path(sys.executable).parent / "ops"), *words]
    child = subprocess.Popen(argv, env=applied.environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert child.stderr
    for line in child.stderr:
        if "dc-web" in line:
            break
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 130
    (run,) = applied.json("history", "--job", "provision", "--limit", "1")
    assert run["state"] == "cancelled"
    assert marked(run["id"]) == []
