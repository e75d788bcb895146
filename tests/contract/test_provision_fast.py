"""The fast gear (mitogen): the same results, task by task, and a clear line where it is not installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from provision_rig import Rig

from ops.errors import ToolMissingError

SAME = ("host", "task", "state", "notify", "message", "handler")


def play(folder: Path) -> dict[str, Any]:
    file = {"content": "a\nb\n", "dest": f"{folder}/file", "mode": "0644"}
    ours = {"files": [{"path": f"{folder}/{{{{ item }}}}", "content": "x", "owner": "root"}]}
    return {
        "strategy": "{{ kominfo_strategy | default('free') }}",
        "environment": {"OPS_RUN_ID": "{{ lookup('ansible.builtin.env', 'OPS_RUN_ID') }}"},
        "tasks": [
            {"name": "File", "ansible.builtin.copy": file, "notify": "Told"},
            {"name": "Same file", "ansible.builtin.copy": file, "notify": "Told"},
            {"name": "Several", "kominfo_files": ours, "loop": ["one", "two", "one"]},
            {"name": "Looks only", "ansible.builtin.copy": {**file, "content": "c"}, "check_mode": True},
            {"name": "Skipped", "ansible.builtin.command": "true", "when": False},
            {"name": "Ignored", "ansible.builtin.command": "false", "ignore_errors": True, "changed_when": True},
            {"name": "Marked", "ansible.builtin.shell": 'test -n "$OPS_RUN_ID"', "changed_when": False},
            {"name": "Fails", "ansible.builtin.shell": "echo no >&2; exit 3"},
        ],
        "handlers": [{"name": "Told", "ansible.builtin.command": "true", "changed_when": False}],
    }


def results(folder: Path, **options: Any) -> list[dict[str, Any]]:
    rig = Rig(folder)
    (folder / "made").mkdir(parents=True)
    done = rig.run(play(folder / "made"), differences=True, **options)
    assert done.complete, done.error
    return [{key: line.get(key) for key in SAME} for line in rig.lines(done) if "state" in line]


def test_the_same_results_as_the_plain_gear(tmp_path: Path) -> None:
    plain, fast = results(tmp_path / "plain"), results(tmp_path / "fast", fast=True)
    assert fast == plain
    assert [line["state"] for line in plain][:3] == ["changed", "ok", "changed"]
    assert plain[-1]["handler"] == "Told"


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolMissingError, match="needs mitogen") as missing:
        rig.run("- ansible.builtin.debug: {msg: hello}", fast=True)
    assert "kominfo-ops[fast]" in missing.value.next_step
    assert rig.lines()[-1]["end"] == "failed"
