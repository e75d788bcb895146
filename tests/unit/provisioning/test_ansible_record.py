"""The record of a run, read while it grows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ops.progress import Event, State
from ops.system.ansible_record import Record


def stats(**numbers: int) -> dict[str, int]:
    return {"ok": 0, "failures": 0, "unreachable": 0, "changed": 0, "skipped": 0, "rescued": 0, "ignored": 0, **numbers}


LINES: list[dict[str, Any]] = [
    {"begin": "Packages", "host": "a"},
    {"host": "a", "task": "Packages", "state": "changed", "seconds": 1.5},
    {"host": "b", "task": "Packages", "state": "failed", "message": "no such\npackage"},
    {"host": "c", "task": "Packages", "state": "unreachable", "message": "no route"},
    {"host": "a", "task": "Verdict", "state": "ok", "data": {"dns-zone": ""}},
    {"host": "a", "task": "Other", "state": "skipped"},
    {
        "stats": {
            "a": stats(ok=2, changed=1, skipped=1),
            "b": stats(failures=1),
            "c": stats(unreachable=1),
        }
    },
]
BYTES = "".join(json.dumps(line) + "\n" for line in LINES).encode()


@given(cuts=st.lists(st.integers(0, len(BYTES)), max_size=8))
def test_any_way_it_arrives_it_says_the_same(tmp_path_factory: Any, cuts: list[int]) -> None:
    path: Path = tmp_path_factory.mktemp("record") / "run.jsonl"
    told: list[Event] = []
    record = Record(path, told.append)
    at = 0
    for cut in [*sorted(cuts), len(BYTES)]:
        with path.open("ab") as file:
            file.write(BYTES[at:cut])
        at = cut
        record.pump()
    hosts = record.hosts()
    assert (hosts["a"].ok, hosts["a"].changed, hosts["a"].skipped, hosts["a"].error) == (2, 1, 1, "")
    assert hosts["a"].data == {"dns-zone": ""}
    assert hosts["b"].error == "Packages: no such\npackage"
    assert hosts["c"].error == "unreachable: no route"
    assert record.begun == {"a"}
    assert record.complete
    assert not record.all_well
    assert [(event.on, event.state) for event in told] == [
        ("a", State.CHANGED),
        ("b", State.FAILED),
        ("c", State.FAILED),
        ("a", State.OK),
    ]
    assert all("\n" not in event.text for event in told)


def test_a_lost_line_or_a_missing_end_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES[2:]))
    assert not Record(path, lambda _: None).pump().complete
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES[:-1]))
    assert not Record(path, lambda _: None).pump().complete


def test_what_a_playbook_put_right_itself_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    lines = [
        {"host": "a", "task": "Packages", "state": "failed", "message": "old lists"},
        {"host": "a", "task": "Packages again", "state": "ok"},
        {"stats": {"a": stats(ok=1, rescued=1)}},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    record = Record(path, lambda _: None).pump()
    assert record.hosts()["a"].error == ""
    assert record.complete
