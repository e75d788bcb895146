"""What a run leaves on its hosts: one JSON line per thing that a result tells of, for `ops drift`.

Beside the record of a run (OPS_RECORD is `<state>/runs/<run>.jsonl`) it writes `<state>/manifests/runs/<run>.jsonl`.
No content reaches the file, only its sha256; without OPS_RECORD, as under plain Ansible, nothing is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

from ops.sweep.harvest import items, rounds
from ops.sweep.item import Because

DOCUMENTATION = """
name: kominfo_manifest
type: notification
short_description: What a run leaves on its hosts
description: Writes what results tell of files, units, packages, accounts and settings beside the record of the run.
requirements: [the environment variable OPS_RECORD]
"""

ROOT = Path(__file__).parents[3]


class CallbackModule(CallbackBase):  # type: ignore[misc] # ansible ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kominfo_manifest"
    CALLBACK_NEEDS_ENABLED = False  # beside the record, whoever asks for it; silent without OPS_RECORD

    def __init__(self) -> None:
        super().__init__()
        record = os.environ.get("OPS_RECORD")
        if not record:
            self.disabled = True
            return
        self._path = Path(record).parent.parent / "manifests/runs" / Path(record).name
        self._out = -1

    def v2_runner_on_ok(self, result: Any) -> None:
        task = result.task
        if context.CLIARGS.get("check") or task.check_mode:
            return  # it has only looked
        because, arguments = _because(task), task.args or {}
        found = [
            {**asdict(item), "host": _where(result.host.get_name(), one)}
            for one in rounds(result.result)
            for item in items(str(task.action), one, arguments, because)
        ]
        text = "".join(json.dumps(line, ensure_ascii=False, default=str) + "\n" for line in found)
        if text:
            self._write(text)

    def _write(self, text: str) -> None:
        if self._out < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._out = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._out, text.encode(errors="replace"))


def _where(host: str, result: Mapping[str, Any]) -> str:
    """The host that the task worked on: with delegate_to not the one that it counts for, and known by its address."""
    delegated = result.get("_ansible_delegated_vars")
    return host if delegated is None else str(delegated.get("ansible_host") or "")


def _because(task: Any) -> Because:
    role = task._role.get_name() if task._role else ""  # noqa: SLF001 # there is no public name
    path, _, line = str(task.get_path() or "").rpartition(":")
    where = Path(path)
    at = f"{where.relative_to(ROOT)}:{line}" if where.is_relative_to(ROOT) else f"{where.name}:{line}"
    return Because(role, f"«{task.name}»" if task.name else "", at if path else "", tuple(task.tags or ()))
