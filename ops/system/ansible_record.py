"""The record of an Ansible run, read while it grows. playbooks/plugins/callback/kominfo_record.py writes it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.progress import Event, Progress, State

_SHOWN = {
    "ok": State.OK,
    "changed": State.CHANGED,
    "failed": State.FAILED,
    "unreachable": State.FAILED,
}
_SHORT = 200  # characters of a message in progress


@dataclass(frozen=True, slots=True)
class HostRun:
    """What a run did on one host: numbers of results, and the last task that failed with its message.

    `data`: what the playbook itself reported (`kominfo_verdict`).
    """

    ok: int = 0
    changed: int = 0
    skipped: int = 0
    failed: int = 0
    unreachable: bool = False
    task: str = ""
    message: str = ""
    seconds: float = 0.0
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> str:
        if self.unreachable:
            return f"unreachable: {self.message}"
        return f"{self.task}: {self.message}" if self.failed else ""


class Record:
    """`pump()` reads what is new and tells it; state is a few numbers per host, however long the run."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path = path
        self.begun: set[str] = set()
        self.stats: dict[str, dict[str, int]] | None = None
        self._progress = progress
        self._offset, self._rest = 0, b""
        self._count: dict[str, Counter[str]] = {}
        self._wrong: dict[str, tuple[str, str]] = {}
        self._data: dict[str, dict[str, Any]] = {}
        self._seconds: Counter[str] = Counter()

    def pump(self) -> Record:
        """Take in every line that was finished since the last call."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._offset)
                fresh = file.read()
            self._offset += len(fresh)
            *lines, self._rest = (self._rest + fresh).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
        return self

    @property
    def complete(self) -> bool:
        """As many results as Ansible counted. False also when the run ended without its statistics."""
        if self.stats is None:
            return False
        counted = sum(
            host[name]
            for host in self.stats.values()
            for name in ("ok", "failures", "unreachable", "skipped", "rescued")
        )
        return counted == sum(sum(count.values()) for count in self._count.values())

    @property
    def all_well(self) -> bool:
        return self.stats is not None and not any(
            host["failures"] or host["unreachable"] for host in self.stats.values()
        )

    def hosts(self) -> dict[str, HostRun]:
        return {name: self._host(name) for name in sorted(self._count)}

    def _host(self, name: str) -> HostRun:
        count = self._count[name]
        task, message = self._wrong.get(name, ("", ""))
        # a failure that the playbook itself put right (rescue) is none
        failed = self.stats[name]["failures"] if self.stats and name in self.stats else count["failed"]
        return HostRun(
            ok=count["ok"] + count["changed"] + count["ignored"],
            changed=count["changed"],
            skipped=count["skipped"],
            failed=failed,
            unreachable=bool(count["unreachable"]),
            task=task,
            message=message,
            seconds=round(self._seconds[name], 1),
            data=self._data.get(name, {}),
        )

    def _take(self, line: dict[str, Any]) -> None:
        if "stats" in line:
            self.stats = line["stats"]
        elif "begin" in line:
            self.begun.add(line["host"])
        else:
            self._result(line)

    def _result(self, line: dict[str, Any]) -> None:
        host, state, message = line["host"], line["state"], line.get("message", "")
        self._count.setdefault(host, Counter())[state] += 1
        self._seconds[host] += line.get("seconds", 0.0)
        if state in {"failed", "unreachable"}:
            self._wrong[host] = (line["task"], message)
        self._data.setdefault(host, {}).update(line.get("data") or {})
        if state in _SHOWN:
            self._progress(Event(line["task"], host, _SHOWN[state], " ".join(message.split())[:_SHORT]))
