"""What the job engine promises for one run, with a real worker and real processes, on both databases."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from backup_rig import sql
from job_rig import INVENTORY, LONG, Rig, rig, until
from stand_in_jobs import JOBS, ODD

from ops.errors import UsageError
from ops.runs import audit, queue, waiting
from ops.runs.model import RunState
from ops.runs.steps import events_after

CANARY = "kanari9Zq7rahasia0x41"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A rig with one worker for all tests of this file. Skips, with the reason, where there is no PostgreSQL."""
    folder = tmp_path_factory.mktemp(f"engine-{request.param}")
    url = f"sqlite://{folder / 'jobs.sqlite'}"
    if request.param == "postgresql":
        words = request.getfixturevalue("postgres_words")
        sql(words, "postgres", "CREATE DATABASE engine")
        url = f"postgresql://{words[3]}@/engine?host={words[1]}"
    with rig(url, folder) as made:
        secrets = folder / "region" / INVENTORY.name / "secrets.yml"
        secrets.parent.mkdir(parents=True)
        secrets.write_text(f"canary: {CANARY}\n")
        made.work(slots=4)
        yield made
        made.quit()
        assert audit.problems(made.database) == []
        assert made.all("SELECT * FROM lock") == []
        assert until(lambda: not made.processes(), "all processes to end")
        made.database.close()
    if request.param == "postgresql":
        sql(words, "postgres", "DROP DATABASE engine WITH (FORCE)")


def test_a_run_does_its_steps_in_order_and_says_so(served: Rig) -> None:
    (done,) = served.ended(served.ask(steps=3, hosts=["a"], opds=["alpha"]))
    assert (done.state, done.result) == (RunState.DONE, {"done": [[0, 0], [1, 0], [2, 0]]})
    assert [line[0] for line in served.said("open", done.id)] == ["open"]
    assert [event["subject"] for event in events_after(served.database, done.id)] == ["step-0", "step-1", "step-2"]
    acts = served.all("SELECT act FROM audit WHERE run = ? ORDER BY seq", done.id)
    assert [row["act"] for row in acts] == ["asked", "started", "done"]


def test_large_outputs_are_files_by_their_digest(served: Rig) -> None:
    (done,) = served.ended(served.ask(steps=1, bytes=300_000))
    (step,) = served.all("SELECT output FROM step WHERE run = ?", done.id)
    assert len(step["output"]) < 200
    assert done.result == {"done": [[0, 300_000]]}


def test_a_large_output_is_given_back_whole_and_a_damaged_one_is_refused(served: Rig) -> None:
    run = served.ask(steps=2, bytes=300_000, seconds=1)
    until(lambda: served.said("kept", run, "step-0"), "the first step")
    os.kill(served.process_of(run), signal.SIGKILL)
    (done,) = served.ended(run)
    assert done.result == {"done": [[0, 300_000], [1, 300_000]]}
    assert len(served.said("begin", run, "step-0")) == 1

    run = served.ask(steps=2, bytes=300_001, seconds=1)
    until(lambda: served.said("kept", run, "step-0"), "the first step")
    for kept in (served.state / "artefacts").iterdir():
        kept.write_bytes(b"{}")
    os.kill(served.process_of(run), signal.SIGKILL)
    (failed,) = served.ended(run)
    assert failed.state is RunState.FAILED
    assert "is not what the step left" in (failed.error or {})["what"]


def failed_so_often(served: Rig, run: str, times: int) -> bool:
    return len(served.said("fail", run)) == times and served.run(run).state is RunState.WAITING


def test_a_failed_run_is_tried_again_later_from_where_it_was(served: Rig) -> None:
    run = served.ask("fails", times=2)
    for again in (1, 2):
        until(lambda again=again: failed_so_often(served, run, again), "a failure")  # type: ignore[misc]
        now = served.run(run)
        assert now.due - time.time() > 60 * again - LONG
        assert (now.error or {})["what"] == "it did not work"
        queue.release(served.database, run)
    (done,) = served.ended(run)
    assert (done.state, done.error, done.attempt) == (RunState.DONE, None, 3)
    assert len(served.said("begin", run, "before")) == 1


def test_a_run_that_always_fails_fails(served: Rig) -> None:
    run = served.ask("fails", times=9)
    for again in (1, 2):
        until(lambda again=again: failed_so_often(served, run, again), "a failure")  # type: ignore[misc]
        queue.release(served.database, run)
    (failed,) = served.ended(run)
    assert (failed.state, failed.attempt) == (RunState.FAILED, 3)
    assert failed.error == {"what": "it did not work", "next_step": "try another", "exit_code": 1}


def test_a_process_that_dies_is_begun_again_but_not_for_ever(served: Rig) -> None:
    (done,) = served.ended(served.ask("dies", times=3))
    assert (done.state, done.attempt) == (RunState.DONE, 4)
    doomed = served.ask("dies", times=99, order={"due": time.time() + 3600})
    for _ in range(queue.MOST_CRASHES - 1):
        with served.database.write() as tx:
            audit.add(tx, "test", "process died", doomed, {})
    queue.release(served.database, doomed)
    assert "died 20 times" in (served.ended(doomed)[0].error or {})["what"]


def test_a_run_that_has_spoken_its_last_word_ends_even_if_a_thread_goes_on(served: Rig) -> None:
    (done,) = served.ended(served.ask("lingers"))
    assert (done.state, done.result) == (RunState.DONE, {"said": True})


def test_a_host_is_free_only_when_nothing_of_the_run_works_on_it_any_more(served: Rig) -> None:
    first = served.ask("leaves", boxes=["left"])
    (second,) = served.ended(served.ask(steps=1, boxes=["left"]))
    left = [float(line[4]) for line in served.said("tick", first, "left")]
    assert left
    assert max(left) < float(served.said("open", second.id)[0][4])


def test_any_text_can_be_kept_and_is_the_same_the_second_time(served: Rig) -> None:
    (done,) = served.ended(served.ask("odd", order={"reason": ODD}))
    assert done.state is RunState.DONE
    assert done.result
    assert done.result["first"] == done.result["again"]
    assert "\N{SNOWMAN}" in done.result["first"]["text"]
    assert [event["text"] for event in events_after(served.database, done.id)] == [done.result["first"]["text"]]


@pytest.mark.parametrize("bug", [False, True])
def test_no_secret_is_ever_kept(served: Rig, bug: bool) -> None:
    (failed,) = served.ended(served.ask("leaks", bug=bug))
    assert failed.state is RunState.FAILED
    kept = (served.state / "run-logs" / f"{failed.id}.log").read_text()
    assert kept.count("said <secret canary>") == 2  # it was there, and was taken out
    everything = [path for path in served.folder.rglob("*") if path.is_file() and path.name != "secrets.yml"]
    tables = ("run", "step", "event", "subject", "audit", "outbox")
    rows = repr([served.all(f"SELECT * FROM {table}") for table in tables])
    assert "<secret canary>" in rows
    assert CANARY not in rows
    assert [path for path in everything if CANARY.encode() in path.read_bytes()] == []
    assert any(path.parent.name == "artefacts" for path in everything)


def test_what_waits_is_cancelled_at_once(served: Rig) -> None:
    later = served.ask(steps=1, order={"due": time.time() + 3600})
    assert queue.cancel(served.database, later, "budi") is RunState.CANCELLED
    assert (served.run(later).error or {})["what"] == "cancelled by budi"
    with pytest.raises(UsageError, match="has ended already"):
        queue.cancel(served.database, later, "budi")


def test_what_is_held_never_begins_and_can_be_cancelled(served: Rig) -> None:
    job, args = JOBS["steps"], {"steps": 1, "log": str(served.log), "boxes": ["h"]}
    order = queue.Order("steps", args, "ani")
    held = queue.enqueue(served.database, job, order, {}, job.scope(None, args), hold="a second person")  # type: ignore[arg-type]
    served.ended(served.ask(steps=1, boxes=["h"]))  # it holds up nobody
    assert queue.cancel(served.database, held.id, "budi") is RunState.CANCELLED
    assert served.said("open", held.id) == []


def test_a_run_is_cancelled_with_everything_it_has_started(served: Rig) -> None:
    def started() -> list[int]:
        """The stubborn shells of the job; not the worker's own processes."""
        found = []
        for pid in served.processes():
            with suppress(OSError):  # it ended while it was looked at
                if b"trap" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    run = served.ask("sleeps", boxes=["c"])
    until(started, "it to begin, with what it starts")
    until(lambda: served.said("begin", run), "it to say so")
    assert queue.cancel(served.database, run, "budi") is RunState.RUNNING
    (cancelled,) = served.ended(run)
    assert (cancelled.state, (cancelled.error or {})["what"]) == (RunState.CANCELLED, "cancelled by budi")
    until(lambda: not started(), "its processes to end")


def test_a_run_that_takes_too_long_is_ended(served: Rig) -> None:
    (failed,) = served.ended(served.ask("sleeps", timeout=1.0))
    assert failed.state is RunState.FAILED
    assert failed.error
    assert (failed.error["what"], failed.error["exit_code"]) == ("it took longer than its limit of 1 s", 1)


def test_a_tick_is_one_run_however_often_it_is_asked_for(served: Rig) -> None:
    tick = {"tick": "nightly@2026-01-01T01:00"}
    first, again = (served.ask(steps=1, order=tick) for _ in range(2))
    assert first == again
    served.ended(first)
    assert served.ask(steps=1, order=tick) == first
    assert len(served.said("open", first)) == 1


def test_what_is_pinned_to_a_command_is_left_to_it_and_ends_with_it(served: Rig) -> None:
    run = served.ask(steps=1, order={"pin": "cli-gone-1"})  # a command that has never begun, or is gone
    (failed,) = served.ended(run)
    assert (failed.state, served.said("open", run)) == (RunState.FAILED, [])
    assert "the command that ran it ended" in (failed.error or {})["what"]
    (told,) = served.all("SELECT body FROM outbox WHERE run = ?", run)  # those who are to hear of failures hear of this
    assert "the command that ran it ended" in json.loads(told["body"])["error"]


def test_a_version_that_no_worker_knows_waits_and_holds_up_nobody(served: Rig) -> None:
    strange = served.ask(steps=1, boxes=["v"], order={"due": time.time() + 3600})
    with served.database.write() as tx:
        tx.do("UPDATE run SET version = 99 WHERE id = ?", strange)
    queue.release(served.database, strange)
    served.ended(served.ask(steps=1, boxes=["v"]))
    assert served.run(strange).state is RunState.WAITING
    assert waiting.why(served.database, strange) == ["no worker knows version 99 of steps; they know 1"]
    queue.cancel(served.database, strange, "ani")


def test_broken_secrets_are_an_error_of_the_run(served: Rig) -> None:
    secrets = served.folder / "region" / INVENTORY.name / "secrets.yml"
    good = secrets.read_text()
    secrets.write_text("[")
    try:
        (failed,) = served.ended(served.ask(steps=1))
    finally:
        secrets.write_text(good)
    assert (failed.state, failed.attempt) == (RunState.FAILED, 1)
    assert "this is no YAML" in (failed.error or {})["what"]


def test_a_second_worker_of_the_same_name_is_refused(served: Rig, tmp_path: Path) -> None:
    second = served.work()
    assert second.wait(LONG) == 1
    assert "a worker named w1 runs already" in (served.folder / "w1.err").read_text()
    elsewhere = served.work(state=tmp_path / "elsewhere")
    assert elsewhere.wait(LONG) == 1
    assert "a worker named w1 runs already, on " in (served.folder / "w1.err").read_text()
    del served.workers[1:]
    served.ended(served.ask(steps=1))  # the first one was not disturbed
