"""What Prometheus sees of the job database, on both kinds of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from past_runs import ask, earlier, start, whole
from prometheus_client import CollectorRegistry, generate_latest

from exporters.jobs import JobRuns
from ops.runs import queue
from ops.runs.leases import Lease
from ops.runs.tables import URL_VARIABLE
from ops.system.database import Database

SERIES = re.compile(r"^opd_job_(\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@pytest.fixture
def jobs(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobRuns]:
    monkeypatch.setenv(URL_VARIABLE, database_url)
    made = JobRuns(tmp_path)
    yield made
    made.close()


def seen(jobs: JobRuns) -> dict[str, float]:
    """Values by `name label value…`, as one scrape has them."""
    registry = CollectorRegistry()
    registry.register(jobs)
    found = SERIES.findall(generate_latest(registry).decode())
    return {" ".join([name, *re.findall(r'="([^"]*)"', labels)]): float(value) for name, labels, value in found}


def test_the_last_success_and_the_last_result_of_each_kind(jobs: JobRuns, database: Database) -> None:
    first = whole(database, opds={"dinkes": "ok", "rsud": "changed"})
    second = whole(database, "no space left", {"dinkes": "failed", "rsud": "ok"})
    drill = whole(database, kind="drill")
    found = seen(jobs)
    assert found["last_success_timestamp_seconds backup"] == pytest.approx(first.ended)
    assert (found["last_result backup"], found["last_result drill"]) == (0, 1)
    assert found["office_last_success_timestamp_seconds backup dinkes"] == pytest.approx(first.ended)
    assert found["office_last_success_timestamp_seconds backup rsud"] == pytest.approx(second.ended)
    assert found["office_last_success_timestamp_seconds drill dinkes"] == pytest.approx(drill.ended)
    third = whole(database)
    found = seen(jobs)
    assert found["last_success_timestamp_seconds backup"] == pytest.approx(third.ended)
    assert found["last_result backup"] == 1


def test_an_office_that_failed_in_a_run_that_went_well_had_no_success(jobs: JobRuns, database: Database) -> None:
    whole(database, opds={"dinkes": "ok", "rsud": "failed"})
    offices = {name for name in seen(jobs) if name.startswith("office")}
    assert offices == {"office_last_success_timestamp_seconds backup dinkes"}


def test_what_was_read_once_stays_known(jobs: JobRuns, database: Database) -> None:
    old = whole(earlier(database, 30), kind="drill")
    whole(database)
    before = seen(jobs)
    assert before["last_success_timestamp_seconds drill"] == pytest.approx(old.ended)
    whole(earlier(database, 60), "late news of an old failure", kind="drill")
    assert seen(jobs) == {**before, "audit_rows": before["audit_rows"] + 3, "messages_left": 3}


def test_what_waits_and_who_works(jobs: JobRuns, database: Database) -> None:
    ask(database, hold="the gate")
    assert seen(jobs)["oldest_waiting_seconds"] == 0
    waiting = ask(earlier(database, 1), "apply")
    ask(database, "drill", due=waiting.created + 10 * 86400)
    ended = ask(database, "report")
    queue.cancel(database, ended.id, "ani")
    found = seen(jobs)
    assert {state: found[f"runs {state}"] for state in ("held", "waiting", "running")} == {
        "held": 1, "waiting": 2, "running": 0,
    }  # fmt: skip
    assert 86400 <= found["oldest_waiting_seconds"] < 87000
    assert found["workers"] == 0
    assert (found["messages_left"], found["audit_rows"], found["database_up"]) == (1, 5, 1)
    start(database)
    assert (seen(jobs)["workers"], seen(jobs)["runs running"]) == (1, 1)


def test_a_dead_worker_and_a_command_in_the_foreground_are_no_workers(
    jobs: JobRuns, database: Database, tmp_path: Path
) -> None:
    Lease(earlier(database, 0.01), tmp_path, "dead", 4).take()
    Lease(database, tmp_path, "cli-host-1-2", 1).take()
    assert seen(jobs)["workers"] == 0
    Lease(database, tmp_path, "host", 4).take()
    assert seen(jobs)["workers"] == 1


def test_a_cancelled_run_is_no_result(jobs: JobRuns, database: Database) -> None:
    whole(database)
    ask(database)
    queue.cancel(database, start(database).id, "ani")
    assert seen(jobs)["last_result backup"] == 1


def test_a_database_that_is_away_is_told_and_nothing_else(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, database_url.replace("?host=", "?host=/none"))
    (tmp_path / "jobs.sqlite").write_text("this is no database " * 100)
    assert seen(JobRuns(tmp_path / "state")) == {"database_up": 0}


def test_where_there_are_no_jobs_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    assert seen(JobRuns(tmp_path)) == {}
    assert list(tmp_path.iterdir()) == [], "looking makes no database"
