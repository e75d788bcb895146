"""What becomes of a job, told to the twin's own Alertmanager from the station, through the servers' firewall."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from past_runs import ask, whole

from ops.inventory.load import load
from ops.runs import approvals
from ops.runs.notify import Notifier, address
from ops.runs.tables import TABLES
from ops.system import http, netns
from ops.system.database import Database, connect

pytestmark = pytest.mark.system

SECRET = "kanari-9Zq7-rahasia"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = connect(f"sqlite://{tmp_path / 'jobs.sqlite'}")
    opened.create(TABLES)
    yield opened
    opened.close()


@pytest.fixture
def alertmanager(provisioned) -> Iterator[str]:
    """Its URL; the test stands on the station meanwhile."""
    with netns.inside(f"{provisioned.name}.station"):
        yield address(load(provisioned.inventory)) or ""


def listed(url: str, kind: str) -> list[dict[str, Any]]:
    return [one for one in http.get_json(f"{url}/api/v2/alerts") if one["labels"].get("kind") == kind]


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_failed_job_stands_in_alertmanager_until_it_goes_well(alertmanager: str, database: Database) -> None:
    notifier = Notifier(database, alertmanager, lambda text: text.replace(SECRET, "<secret>"))
    run = whole(database, f"no space left, said {SECRET}", {"dinkes": "failed", "rsud": "ok"}, kind="drill")
    until(lambda: notifier.turn() == 1)
    until(lambda: len(listed(alertmanager, "drill")) == 1)
    (alert,) = listed(alertmanager, "drill")
    labels = {"alertname": "JobFailed", "kind": "drill", "opd": "dinkes", "severity": "warning"}
    assert alert["labels"] == labels
    assert alert["status"]["state"] in {"unprocessed", "active"}
    assert alert["annotations"]["summary"] == "drill of dinkes failed: no space left, said <secret>"
    assert alert["annotations"]["ringkasan"] == "drill untuk dinkes gagal: no space left, said <secret>"
    assert run.id in alert["annotations"]["action"]
    whole(database, kind="drill")
    until(lambda: notifier.turn() == 1)
    until(lambda: listed(alertmanager, "drill") == [])


def test_a_held_run_stands_in_alertmanager_until_it_is_decided(alertmanager: str, database: Database) -> None:
    notifier = Notifier(database, alertmanager)
    held = ask(database, "apply", hold="the gate")
    until(lambda: notifier.turn() == 1)
    until(lambda: [one["labels"]["run"] for one in listed(alertmanager, "apply")] == [held.id])
    approvals.approve(database, held.id, "budi")
    until(lambda: notifier.turn() == 1)
    until(lambda: listed(alertmanager, "apply") == [])


def test_an_alertmanager_that_restarts_is_told_afterwards(provisioned, alertmanager: str, database: Database) -> None:
    provisioned.on("dc-mon", "systemctl stop prometheus-alertmanager.service")
    try:
        whole(database, "no space left")
        assert Notifier(database, alertmanager).turn() == 0
    finally:
        provisioned.on("dc-mon", "systemctl start prometheus-alertmanager.service")
    notifier = Notifier(database, alertmanager)  # as after a restart of ours
    until(lambda: notifier.turn() == 1)
    until(lambda: len(listed(alertmanager, "backup")) == 1)
    whole(database)
    until(lambda: notifier.turn() == 1)
    until(lambda: listed(alertmanager, "backup") == [])
