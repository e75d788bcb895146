"""The record of a run: one JSON line per begun task and per result, without any secret's value.

OPS_RECORD names the file (appended to), OPS_HIDDEN a JSON file {value: what to show instead}. Lines are
`{"begin": task, "host": h}`, `{"host", "task", "state", "message", "seconds", "data"}` and at the end `{"stats": …}`.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: kominfo_record
type: notification
short_description: One JSON line per result
description: Writes what a run does to the file named by OPS_RECORD; values in OPS_HIDDEN never reach it.
requirements: [the environment variable OPS_RECORD]
"""

LONGEST = 4000  # characters of a message
_SAID = ("msg", "stderr", "stdout", "module_stderr", "exception", "reason")


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kominfo_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        path = os.environ.get("OPS_RECORD")
        if not path:
            self.disabled = True
            return
        self._out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        hidden = os.environ.get("OPS_HIDDEN")
        self._hidden: dict[str, str] = json.loads(Path(hidden).read_text(encoding="utf-8")) if hidden else {}
        self._begun: dict[tuple[str, str], float] = {}

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._begun[host.get_name(), task._uuid] = time.monotonic()  # noqa: SLF001 # there is no public name
        self._write({"begin": task.get_name(), "host": host.get_name()})

    def v2_runner_on_ok(self, result: Any) -> None:
        self._result(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._result(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._result(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._result(result, "unreachable")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._write({"stats": {host: stats.summarize(host) for host in sorted(stats.processed)}})

    def _result(self, result: Any, state: str) -> None:
        host = result.host.get_name()
        begun = self._begun.pop((host, result.task._uuid), None)  # noqa: SLF001
        line: dict[str, Any] = {"host": host, "task": result.task.get_name(), "state": state}
        if begun is not None:
            line["seconds"] = round(time.monotonic() - begun, 2)
        if state in {"failed", "ignored", "unreachable"}:
            line["message"] = _message(result.result)
        if "kominfo_verdict" in result.result:
            line["data"] = result.result["kominfo_verdict"]
        self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        """One write per line: whole lines only, also when the run is killed. Values are hidden after encoding too."""
        text = json.dumps(self._clean(line), ensure_ascii=False, default=str)
        os.write(self._out, (text + "\n").encode(errors="replace"))

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret, shown in self._hidden.items():
                value = value.replace(secret, shown)
            return value
        if isinstance(value, dict):
            return {str(self._clean(str(key))): self._clean(inner) for key, inner in value.items()}
        return [self._clean(inner) for inner in value] if isinstance(value, list | tuple) else value


def _message(result: dict[str, Any]) -> str:
    """The most telling line of a failure."""
    if "censored" in result:
        return "hidden, because the task handles secrets"
    found = next((str(result[name]) for name in _SAID if result.get(name)), "failed without a word")
    return found.strip()[:LONGEST]
