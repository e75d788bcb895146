"""Handlers that hosts are owed: a change has notified them, and they have not run. Ansible forgets them with the run.

A record tells what was notified (on every result that changed something), and which handlers ran. What is left when a
run ends, however it ended, is kept in `<state>/handlers.json`, and the next run of that playbook on that host makes up
for it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_RAN = {"ok", "changed", "skipped", "ignored"}  # a handler whose own condition says no has had its turn
Notified = dict[str, dict[str, str]]  # name that was notified → role and play of the task that did


class Owed:
    """What a record says that is owed. `of(host)` gives it."""

    def __init__(self) -> None:
        self._notified: dict[str, Notified] = {}
        self._due: dict[str, dict[str, set[str]]] = {}  # host → handler that is about to run → names it answers to
        self._answered: dict[str, set[str]] = {}

    def take(self, line: Mapping[str, Any]) -> None:
        host = line.get("host", "")
        if "due" in line:
            self._due.setdefault(host, {})[line["due"]] = set(line["for"])
        for name in line.get("notify", ()):
            about = {"role": line.get("role", ""), "play": line.get("play", "")}
            self._notified.setdefault(host, {})[name] = about
        if "handler" in line and line["state"] in _RAN:
            self._ran(host, line["handler"])

    def of(self, host: str) -> Notified:
        return dict(self._notified.get(host, {}))

    def answered(self, host: str) -> set[str]:
        """Names whose handlers have run, whoever notified them."""
        return self._answered.get(host, set())

    def _ran(self, host: str, handler: str) -> None:
        """Several handlers may listen to one name: it is answered when the last of them has run."""
        due = self._due.get(host, {})
        for name in due.pop(handler, {handler}):
            if not any(name in names for names in due.values()):
                self._notified.get(host, {}).pop(name, None)
                self._answered.setdefault(host, set()).add(name)


class Ledger:
    """What is owed after all runs of a world, by playbook and host. Several processes may use it at once."""

    def __init__(self, state: Path) -> None:
        self._path = state / "handlers.json"

    def of(self, playbook: str, hosts: Collection[str] | None = None) -> dict[str, Notified]:
        """By host: of these, or of all for None."""
        found: dict[str, Notified] = self._read().get(playbook, {})
        return {host: names for host, names in found.items() if hosts is None or host in hosts}

    def settle(self, playbook: str, owed: Owed, touched: Iterable[str]) -> None:
        """Take over what a run left owing, or made up for, on the hosts that it touched."""
        with self._held():
            kept = self._read()
            hosts: dict[str, Notified] = kept.setdefault(playbook, {})
            for host in touched:
                before = {name: at for name, at in hosts.get(host, {}).items() if name not in owed.answered(host)}
                hosts[host] = {**before, **owed.of(host)}
            kept[playbook] = {host: names for host, names in sorted(hosts.items()) if names}
            self._write({name: hosts for name, hosts in kept.items() if hosts})

    def _read(self) -> dict[str, dict[str, Notified]]:
        try:
            return dict(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def _write(self, kept: Mapping[str, Any]) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as out:
            json.dump(kept, out, indent=1, sort_keys=True)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._path)

    @contextmanager
    def _held(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
