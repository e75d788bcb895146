"""The record of an Ansible run, read while it grows. playbooks/plugins/callback/kominfo_record.py writes its lines.

`ops.system.ansible_runs` adds the first line (what the run is) and the last one (how it ended).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.progress import Event, Progress, State
from ops.system.ansible_handlers import Owed
from ops.system.ansible_trouble import advice, first_line

_SHOWN = {
    "ok": State.OK,
    "changed": State.CHANGED,
    "failed": State.FAILED,
    "unreachable": State.FAILED,
}
_SHORT = 200  # characters of a message in progress
_CHUNK = 1 << 20  # bytes that are read at once


@dataclass(frozen=True, slots=True)
class HostRun:
    """What a run did on one host: numbers of results, and the last task that failed with its message.

    `data`: what the playbook itself reported (`kominfo_verdict`). `step`: what a person can do about the failure.
    `error` says both; it is empty when there was none.
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
    step: str = ""

    @property
    def error(self) -> str:
        return self._told(self.message)

    @property
    def trouble(self) -> str:
        """The same in one line of sane length."""
        return self._told(first_line(self.message))

    def _told(self, message: str) -> str:
        if not (self.unreachable or self.failed):
            return ""
        what = "unreachable" if self.unreachable else self.task
        return f"{what}: {message}" + (f"; {self.step}" if self.step else "")


class Record:
    """`pump()` reads what is new and tells it; state is a few numbers per host, however long the run."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path = path
        self.begun: set[str] = set()
        self.stats: dict[str, dict[str, int]] | None = None
        self.head: dict[str, Any] = {}
        self.end: dict[str, Any] = {}
        self.owed = Owed()
        self._progress = progress
        self._offset, self._rest = 0, b""
        self._count: dict[str, Counter[str]] = {}
        self._wrong: dict[str, tuple[str, str, str]] = {}
        self._data: dict[str, dict[str, Any]] = {}
        self._seconds: Counter[str] = Counter()

    def pump(self) -> Record:
        """Take in every line that was finished since the last call."""
        if not self.path.exists():
            return self
        with self.path.open("rb") as file:
            file.seek(self._offset)
            while fresh := file.read(_CHUNK):
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

    def finished(self) -> set[str]:
        """Hosts on which all of the playbook was done, and no handler is owed any more."""
        well = {name for name, data in self._data.items() if data.get("finished")}
        return {name for name in well if not self._host(name).error and not self.owed.of(name)}

    def _host(self, name: str) -> HostRun:
        count = self._count[name]
        task, message, at = self._wrong.get(name, ("", "", ""))
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
            step=advice(message, at),
        )

    def _take(self, line: dict[str, Any]) -> None:
        self.owed.take(line)
        if "state" in line:
            self._result(line)
        elif "begin" in line:
            self.begun.add(line["host"])
        elif "stats" in line:
            self._add(line["stats"])
        elif "run" in line:
            self.head = line
        elif "end" in line:
            self.end = line

    def _add(self, stats: Mapping[str, Mapping[str, int]]) -> None:
        """Statistics of one playbook: a run may have a second one, for handlers that are made up for."""
        self.stats = self.stats or {}
        for host, counted in stats.items():
            known = self.stats.setdefault(host, dict.fromkeys(counted, 0))
            for name, number in counted.items():
                known[name] = known.get(name, 0) + number

    def _result(self, line: dict[str, Any]) -> None:
        host, state, message = line["host"], line["state"], line.get("message", "")
        self._count.setdefault(host, Counter())[state] += line.get("includes", 1)
        self._seconds[host] += line.get("seconds", 0.0)
        if state in {"failed", "unreachable"}:
            self._wrong[host] = (line["task"], message, line.get("at", ""))
        self._data.setdefault(host, {}).update(line.get("data") or {})
        if state in _SHOWN:
            self._progress(Event(line["task"], host, _SHOWN[state], " ".join(message.split())[:_SHORT]))


def changes(path: Path) -> Iterator[dict[str, Any]]:
    """The results of a record that changed something, or would have: one at a time, for they hold differences."""
    with path.open("rb") as file:
        for raw in file:
            if b'"changed"' in raw and raw.endswith(b"\n"):
                line = json.loads(raw)
                if line.get("state") == "changed":
                    yield line
