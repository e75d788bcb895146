"""History, approvals and forgetting on both databases: what is told, who may agree, what is left, what is noticed."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from past_runs import ask, earlier, end, start, whole

from ops.errors import RefusedError, UsageError
from ops.runs import approvals, audit, history, proof, queue, retention
from ops.runs.history import Filter
from ops.runs.model import Run, RunState
from ops.runs.steps import MOST_BYTES, Steps, append_events
from ops.system.database import Database

TABLES = ("run", "want", "lock", "subject", "step", "event", "approval", "outbox")


@pytest.fixture
def steps(database: Database, tmp_path: Path) -> Steps:
    return Steps(database, tmp_path / "artefacts")


def do(database: Database, sql: str, *values: object) -> None:
    """What somebody with access to the database could do."""
    with database.write() as tx:
        assert tx.do(sql, *values)


def count(database: Database, table: str) -> int:
    with database.read() as tx:
        return int((tx.one(f"SELECT count(*) AS n FROM {table}") or {})["n"])


def step(steps: Steps, run: Run, name: str, output: Any) -> None:
    steps.begin(run, name)
    steps.end(run, name, output)


# ---- search


def ids(database: Database, **wanted: Any) -> list[str]:
    return [run.id for run in history.search(database, Filter(**wanted))]


def test_runs_are_found_by_office_host_kind_state_person_and_time(database: Database) -> None:
    old = whole(earlier(database, 30), opds={"dinkes": "changed"})
    failed = whole(database, "no space", {"rsud": "failed", "dinkes": "ok"})
    waiting = ask(database, "drill", (), who="budi")
    assert ids(database) == [waiting.id, failed.id, old.id]
    assert ids(database, opd="rsud") == [failed.id]
    assert ids(database, opd="dinkes", limit=1) == [failed.id]
    assert ids(database, host="dc-db", kind="backup") == [failed.id, old.id]
    assert ids(database, host="dc-web") == []
    assert ids(database, state=RunState.FAILED) == [failed.id]
    assert ids(database, who="budi") == [waiting.id]
    assert ids(database, since=failed.created) == [waiting.id, failed.id]
    assert ids(database, until=failed.created) == [old.id]
    assert ids(database, before=failed) == [old.id]
    assert history.search(database, Filter(kind="drill"))[0].locks == ("host:dc-db",)


# ---- story and export


def test_a_story_tells_who_what_why_when_and_how_it_went(database: Database, steps: Steps) -> None:
    ask(database, opds=("dinkes", "rsud"))
    run = start(database)
    step(steps, run, "dump", {"bytes": 3})
    step(steps, run, "list", {"files": ["x" * MOST_BYTES]})
    end(database, run, "rsud did not answer", {"dinkes": "changed", "rsud": "failed"})
    told = history.story(database, steps, run.id)
    assert json.loads(json.dumps(told)) == told
    assert (told["who"], told["reason"], told["plan"], told["state"]) == ("ani", "monthly", "c0ffee", "failed")
    assert told["created"] <= told["started"] <= told["ended"]
    assert {opd: about["state"] for opd, about in told["opds"].items()} == {"dinkes": "changed", "rsud": "failed"}
    assert list(told["hosts"]) == ["dc-db"]
    assert [one["output"] for one in told["steps"]] == [{"bytes": 3}, {"files": ["x" * MOST_BYTES]}]
    assert [one["text"] for one in told["events"]] == ["3 files"]
    assert [one["act"] for one in told["audit"]] == ["asked", "started", "failed"]
    assert told["audit"][0]["about"]["plan"] == "c0ffee"
    assert told["error"]["what"] == "rsud did not answer"


def test_a_story_says_which_output_is_gone(database: Database, steps: Steps, tmp_path: Path) -> None:
    ask(database)
    step(steps, start(database), "list", {"files": ["x" * MOST_BYTES]})
    (artefact,) = (tmp_path / "artefacts").iterdir()
    artefact.unlink()
    (told,) = history.story(database, steps, ids(database)[0])["steps"]
    assert told["output"]["artefact"] == artefact.name
    assert artefact.name in told["output"]["missing"]


def test_an_export_that_was_cut_off_or_changed_is_noticed(
    database: Database, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_PART", 2)
    runs = [whole(database) for _ in range(5)]
    lines = list(history.export(database, steps))
    assert [json.loads(line)["id"] for line in lines[:-1]] == [run.id for run in reversed(runs)]
    ended = json.loads(lines[-1])["end"]
    assert ended["audit"] == proof.newest(database)
    assert history.export_problems(f"{line}\n" for line in lines) == []
    assert history.export_problems(lines[:-1]) == ["the last line is missing: it was cut off"]
    assert history.export_problems([*lines[:-1], lines[-1][:20]]) == ["the last line is missing: it was cut off"]
    assert history.export_problems([]) == ["the last line is missing: it was cut off"]
    assert history.export_problems(lines[1:]) == ["it is not what was written: 4 runs of 5"]
    changed = lines[0].replace("ani", "ina")
    assert history.export_problems([changed, *lines[1:]]) == ["it is not what was written: 5 runs of 5"]


def test_an_export_holds_what_was_asked_for(database: Database, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_PART", 2)
    whole(database, opds={"rsud": "ok"})
    runs = [whole(database) for _ in range(4)]
    for limit, kept in ((None, 4), (3, 3), (2, 2)):
        lines = list(history.export(database, steps, Filter(opd="dinkes", limit=limit)))
        assert [json.loads(line)["id"] for line in lines[:-1]] == [run.id for run in reversed(runs)][:kept]


# ---- proof


def test_what_was_not_touched_is_proven(database: Database, tmp_path: Path) -> None:
    whole(database, "no space")
    held = ask(database, hold="the gate")
    approvals.approve(database, held.id, "budi")
    end(database, start(database))
    refused, cancelled, running = (ask(database, hold="the gate") for _ in range(3))
    approvals.refuse(database, refused.id, "budi")
    queue.cancel(database, cancelled.id, "ani")
    approvals.approve(database, running.id, "budi")
    queue.cancel(database, start(database).id, "ani")
    assert proof.Note(database, tmp_path).turn() == []
    assert history.verify(database, tmp_path) == []


HANDS = {
    "a row's text": ("UPDATE audit SET who = 'ina' WHERE seq = 2", "row 2 is not as it was written"),
    "a row in between": ("DELETE FROM audit WHERE seq = 2", "rows 2 to 2 are missing"),
    "the newest row": ("DELETE FROM audit WHERE seq = 6", "it was done, but no audit row says so"),
    "all rows": ("DELETE FROM audit", "it was asked for, but no audit row says so"),
    "a run's state": ("UPDATE run SET state = 'failed'", "it failed, but no audit row says so"),
    "a run's plan": ("UPDATE run SET plan = 'bad'", "is not what was asked for: plan"),
    "a run": ("DELETE FROM run", "it was asked for, but it is gone"),
}


@pytest.mark.parametrize("hand", HANDS)
def test_what_other_hands_did_is_noticed(database: Database, hand: str) -> None:
    whole(database)
    whole(database)
    statement, said = HANDS[hand]
    do(database, statement)
    assert said in "\n".join(history.verify(database))


def test_a_run_and_its_rows_removed_together_are_noticed_by_the_note(database: Database, tmp_path: Path) -> None:
    whole(database)
    last = whole(database)
    note = proof.Note(database, tmp_path)
    assert note.turn() == []
    do(database, "DELETE FROM run WHERE id = ?", last.id)
    do(database, "DELETE FROM audit WHERE run = ?", last.id)
    assert history.verify(database) == []
    lost = ["audit rows up to 6 were seen on this machine, the newest of them are missing"]
    assert history.verify(database, tmp_path) == lost
    whole(database)  # its rows take the numbers of those which are gone, and nobody notes them instead
    assert proof.Note(database, tmp_path).turn() == ["audit row 6 is not the one that was seen on this machine"]
    assert len(history.verify(database, tmp_path)) == 1


# ---- approvals


def test_a_second_person_lets_a_held_run_begin(database: Database, steps: Steps) -> None:
    held = ask(database, hold="the gate")
    with pytest.raises(AssertionError):
        start(database)
    assert approvals.approve(database, held.id, "budi", "saw it", ["budi", "citra"]).state is RunState.WAITING
    told = history.story(database, steps, start(database).id)
    assert [(one["who"], one["verdict"], one["comment"]) for one in told["approvals"]] == [
        ("budi", "approved", "saw it")
    ]
    (row,) = [row for row in told["audit"] if row["act"] == "approved"]
    assert row["about"]["args"] == {"sets": ["a"]}
    assert row["about"]["plan"] == "c0ffee"
    assert row["about"]["asked"] == approvals.checksum(audit.asked(held))


def test_a_refused_run_never_begins(database: Database) -> None:
    held = ask(database, hold="the gate")
    refused = approvals.refuse(database, held.id, "budi", "not now")
    assert (refused.state, refused.error and refused.error["what"]) == (RunState.REFUSED, "refused by budi: not now")
    assert refused.ended
    with pytest.raises(RefusedError, match="not held but refused"):
        approvals.approve(database, held.id, "citra")
    with pytest.raises(AssertionError):
        start(database)


def test_who_may_decide(database: Database) -> None:
    held = ask(database, hold="the gate")
    with pytest.raises(RefusedError, match="ani asked for run") as error:
        approvals.approve(database, held.id, "ani", "", ["ani"])
    assert error.value.exit_code == 5
    for decide in (approvals.approve, approvals.refuse):
        with pytest.raises(RefusedError, match="budi may not decide"):
            decide(database, held.id, "budi", "", ["citra"])
    assert queue.get(database, held.id).state is RunState.HELD
    assert count(database, "approval") == 0
    assert approvals.refuse(database, held.id, "ani", "", ["citra"]).state is RunState.REFUSED


@pytest.mark.parametrize("state", ["waiting", "running", "done"])
def test_only_a_held_run_can_be_decided_about(database: Database, state: str) -> None:
    run = ask(database)
    if state != "waiting":
        start(database)
    if state == "done":
        end(database, queue.get(database, run.id))
    with pytest.raises(RefusedError, match=f"not held but {state}"):
        approvals.approve(database, run.id, "budi")


@pytest.mark.parametrize(
    ("hand", "what"),
    [
        ('UPDATE run SET args = \'{"sets": ["a", "b"]}\'', "args"),
        ("UPDATE run SET plan = 'bad', world = '{}'", "plan, world"),
        ("UPDATE audit SET about = replace(about, 'monthly', 'daily')", "reason"),
        ("UPDATE audit SET who = 'budi' WHERE act = 'asked'", "audit row"),
        ("DELETE FROM audit WHERE act = 'asked'", "audit row"),
    ],
)
def test_what_was_changed_after_it_was_asked_for_is_not_approved(database: Database, hand: str, what: str) -> None:
    held = ask(database, hold="the gate")
    ask(database)
    do(database, hand)
    with pytest.raises(RefusedError, match=f"not what was asked for any more: {what}$"):
        approvals.approve(database, held.id, "budi")
    assert queue.get(database, held.id).state is RunState.HELD


def test_a_rewritten_audit_row_does_not_fit_the_one_after_it(database: Database) -> None:
    held = ask(database, hold="the gate")
    ask(database)
    with database.write() as tx:
        row = tx.one("SELECT * FROM audit WHERE run = ?", held.id) or {}
        row["about"] = row["about"].replace("c0ffee", "bad")
        tx.do("UPDATE audit SET about = ?, hash = ? WHERE seq = 1", row["about"], audit.digest(row, row["prev"]))
        tx.do("UPDATE run SET plan = 'bad' WHERE id = ?", held.id)
    with pytest.raises(RefusedError, match="audit row"):
        approvals.approve(database, held.id, "budi")


# ---- forgetting


def forget(database: Database, tmp_path: Path, days: float = 400) -> dict[str, int]:
    return retention.forget(database, tmp_path / "artefacts", tmp_path / "run-logs", days)


def test_old_runs_go_with_all_that_belongs_to_them(
    database: Database, steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_ROWS", 2)
    monkeypatch.setattr(retention, "_OUTPUTS", 1)
    monkeypatch.setattr(retention, "_LONGEST", 0.0)
    then = earlier(database, 401)
    held = ask(then, hold="the gate")
    approvals.approve(then, held.id, "budi")
    run = start(then)
    for number in range(3):
        step(Steps(then, tmp_path / "artefacts"), run, f"step-{number}", number)
    append_events(then, run, [("s", "", "ok", "")] * 5)
    end(then, run)
    whole(earlier(database, 399))
    before = count(database, "audit")
    assert forget(database, tmp_path) == {"runs": 1, "audit": 4, "artefacts": 0, "logs": 0}
    assert {table: count(database, table) for table in TABLES} == {
        "run": 1, "want": 1, "lock": 0, "subject": 2, "step": 0, "event": 1, "approval": 0, "outbox": 1,
    }  # fmt: skip
    assert count(database, "audit") == before - 4 + 1
    assert history.verify(database) == []
    assert forget(database, tmp_path)["runs"] == 0
    assert count(database, "audit") == before - 4 + 1
    whole(database)
    assert history.verify(database) == []


@pytest.mark.parametrize("state", ["held", "waiting", "running"])
def test_what_has_not_ended_stays_with_its_audit_rows(database: Database, tmp_path: Path, state: str) -> None:
    then = earlier(database, 1000)
    run = ask(then, hold="the gate" if state == "held" else "")
    if state == "running":
        start(then)
    ask(then, "drill", hold="the gate")
    whole(then, kind="apply") if state == "held" else None
    forget(database, tmp_path)
    assert queue.get(database, run.id).state == state
    assert history.verify(database) == []
    if state == "held":
        assert count(database, "run") == 2
        assert approvals.approve(database, run.id, "budi").state is RunState.WAITING


def test_the_newest_audit_row_stays_however_old(database: Database, tmp_path: Path) -> None:
    whole(earlier(database, 1000))
    note = proof.Note(database, tmp_path)
    note.turn()
    forget(database, tmp_path)
    assert [row["act"] for row in audit.rows(database)] == ["forgot"]
    assert history.verify(database, tmp_path) == []
    whole(database)
    assert history.verify(database, tmp_path) == []


def test_a_run_removed_by_hand_is_noticed_also_after_others_were_forgotten(database: Database, tmp_path: Path) -> None:
    whole(earlier(database, 500))
    young = whole(earlier(database, 10))
    forget(database, tmp_path)
    do(database, "DELETE FROM run WHERE id = ?", young.id)
    assert history.verify(database) == [f"run {young.id}: it was asked for, but it is gone"]


def test_files_go_when_nothing_refers_to_them(database: Database, steps: Steps, tmp_path: Path) -> None:
    then, shared, own = earlier(database, 401), ["s" * MOST_BYTES], ["o" * MOST_BYTES]
    for when in (then, database):
        ask(when)
        run = start(when)
        step(Steps(when, tmp_path / "artefacts"), run, "shared", shared)
        if when is then:
            step(Steps(when, tmp_path / "artefacts"), run, "own", own)
        result = steps.result(["r" * MOST_BYTES]) if when is database else None
        queue.finish(when, run, RunState.DONE, result, None)
    (tmp_path / "run-logs").mkdir()
    logs = [tmp_path / "run-logs" / f"{run}.log" for run in ids(database)]
    for path in (*logs, *(tmp_path / "artefacts").iterdir()):
        path.touch()
        os.utime(path, (1, 1))
    fresh = tmp_path / "artefacts" / "ab"
    fresh.touch()
    assert forget(database, tmp_path) == {"runs": 1, "audit": 3, "artefacts": 1, "logs": 1}
    assert [path.exists() for path in logs] == [True, False]
    assert fresh.exists(), "a step that refers to it may follow"
    (kept,) = history.search(database)
    assert history.story(database, steps, kept.id)["result"] == ["r" * MOST_BYTES]
    assert history.story(database, steps, kept.id)["steps"][0]["output"] == shared


def test_an_unknown_run_is_named(database: Database, steps: Steps) -> None:
    for ask_for in (lambda: history.story(database, steps, "x"), lambda: approvals.approve(database, "x", "budi")):
        with pytest.raises(UsageError, match=re.escape("'x'")):
            ask_for()
