"""Playbooks, through ansible-runner. What ran is told by our own record (one JSON line per result), not by the runner.

ansible-runner's habits that are changed here: it would turn host-key checking off, find another Ansible on PATH, keep
every variable and the whole environment in its folder, and leave processes behind when it is stopped. Each run has a
folder of its own on tmpfs for what is secret (removed at the end) and one below the world's state for the record.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.errors import HostFailedError, ToolMissingError
from ops.progress import Progress
from ops.system import hidden, marked, threads
from ops.system.ansible_record import HostRun, Record
from ops.system.leftovers import MARK, end_here, end_there
from ops.system.signals import uninterrupted
from ops.system.ssh import Fleet

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "playbooks"
HIDDEN = "hidden, because the task handles secrets"  # as the plugin kominfo_record says it
KEPT_RUNS = 50  # records of older runs are removed
_KILLED = 137  # as a shell says it of a program that was killed; ansible-runner then has no exit code at all
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a playbook runs: the inventory folder, the state folder (`runs/` below it), and the keys."""

    inventory: Path
    state: Path
    ssh_key: Path
    known_hosts: Path
    fleet: Fleet


@dataclass(frozen=True, slots=True)
class Play:
    """One run. `variables` may hold secrets: they travel in a file on tmpfs. `hidden`: value → what to show instead."""

    playbook: str
    place: Place
    limit: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    check: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    forks: int = 16


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did. `error` is not empty when the run itself broke down; hosts' own failures are in `hosts`.

    `complete`: the record holds exactly as many results as Ansible's own statistics count.
    """

    run: str
    code: int
    seconds: float
    hosts: Mapping[str, HostRun]
    record: Path
    error: str = ""
    complete: bool = True

    @property
    def failed(self) -> dict[str, HostRun]:
        return {name: host for name, host in self.hosts.items() if host.error}

    @property
    def changed(self) -> int:
        return sum(host.changed for host in self.hosts.values())


def run_playbook(play: Play, progress: Progress) -> RunSummary:
    """Run it in the calling thread's network. Interrupted, it ends every process of the run, here and on the hosts."""
    playbook = PLAYBOOKS / play.playbook
    program = Path(sys.executable).parent / "ansible-playbook"
    for needed in (playbook, program):
        if not needed.is_file():
            raise ToolMissingError(f"{needed}: not found", "run `make setup` in the project's folder")
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    record = Record(_record_file(play.place.state, run), progress)
    play.place.fleet.close()  # its threads would be forked with us; it connects again when it is asked
    started = time.monotonic()
    with hidden.folder(run[-6:]) as folder:
        try:
            code, said = _drive(play, run, folder, record)
            threads.check()
        except BaseException:
            with uninterrupted():
                end_here(run)
                end_there(run, play.place.fleet, record.pump().begun)
            raise
        end_here(run)
    record.pump()
    seconds = time.monotonic() - started
    error = "" if record.stats is not None else _scrub(play, _last_words(said, code))
    hosts = {name: _explained(host, play.place.fleet, name) for name, host in record.hosts().items()}
    return RunSummary(run, code, seconds, hosts, record.path, error, record.complete)


def _explained(host: HostRun, fleet: Fleet, name: str) -> HostRun:
    """With why a host could not be logged in to, and what a person can do about it."""
    if not host.unreachable:
        return host
    message, step = host.message.strip(), fleet.next_step(name, host.message)
    if HIDDEN in message:  # a task with secrets hides this too; so it is asked for once more
        try:
            fleet.on(name).run(["true"])
        except HostFailedError as error:
            message, step = error.what.removeprefix(f"{name}: "), error.next_step
    return replace(host, message=f"{message}; {step}" if step else message)


def _drive(play: Play, run: str, folder: Path, record: Record) -> tuple[int, deque[str]]:
    """Hand over to ansible-runner; its exit code and the last lines that belong to no task."""
    import ansible_runner  # noqa: PLC0415 # 0.3 s that most commands do not need
    import pexpect  # type: ignore[import-untyped] # noqa: PLC0415

    said: deque[str] = deque(maxlen=40)

    def on_event(event: Mapping[str, Any]) -> bool:
        if event.get("event") in {"verbose", "error"}:
            said.extend(_COLOUR.sub("", str(event.get("stdout", ""))).splitlines())
        record.pump()
        return False  # no event files: the record is ours

    _write(folder / "runner/env/settings", {"pexpect_timeout": 1, "suppress_output_file": True})
    try:
        done = ansible_runner.run(
            private_data_dir=str(folder / "runner"),
            binary=str(Path(sys.executable).parent / "ansible-playbook"),
            cmdline=shlex.join(_words(play, folder)),
            envvars=_environment(play, run, folder, record.path),
            event_handler=on_event,
            cancel_callback=threads.stopped,  # without one the runner takes over SIGINT and SIGTERM
            suppress_env_files=True,
            fact_cache_type="memory",
            quiet=True,
        )
    except pexpect.TIMEOUT:  # ended, but a child still holds the terminal
        return (0 if record.pump().all_well else 2), said
    return _KILLED if done.rc is None else int(done.rc), said


def _words(play: Play, folder: Path) -> list[str]:
    """Arguments of ansible-playbook; no secret among them."""
    _write(folder / "variables.json", {name: _data(value) for name, value in play.variables.items()})
    words = ["--inventory", str(play.place.inventory.resolve()), "--forks", str(play.forks)]
    words += ["--extra-vars", f"@{folder / 'variables.json'}"]
    words += ["--limit", ",".join(play.limit)] if play.limit else []
    words += ["--tags", ",".join(play.tags)] if play.tags else []
    words += ["--check"] if play.check else []
    return [*words, str(PLAYBOOKS / play.playbook)]


def _data(value: Any) -> Any:
    """Variables are data: Ansible would run whatever stands in braces in a text, also in the name of an office."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value} if "{" in value else value
    if isinstance(value, Mapping):
        return {name: _data(inner) for name, inner in value.items()}
    return [_data(inner) for inner in value] if isinstance(value, list | tuple) else value


def _environment(play: Play, run: str, folder: Path, record: Path) -> dict[str, str]:
    _write(folder / "hidden.json", dict(play.hidden))
    known = shlex.quote(f"UserKnownHostsFile={play.place.known_hosts.absolute()}")
    return {
        MARK: marked.value(run),  # the playbooks hand it on to the hosts
        "OPS_RECORD": str(record),
        "OPS_HIDDEN": str(folder / "hidden.json"),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "home/tmp"),
        "ANSIBLE_CALLBACK_PLUGINS": str(PLAYBOOKS / "plugins/callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "kominfo_record",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PRIVATE_KEY_FILE": str(play.place.ssh_key.absolute()),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / hidden.SOCKETS),
        "ANSIBLE_SSH_ARGS": f"-o ControlMaster=auto -o ControlPersist=60s -o IdentitiesOnly=yes -o {known}",
    }


def _record_file(state: Path, run: str) -> Path:
    folder = state / "runs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in sorted(folder.glob("*.jsonl"))[: -KEPT_RUNS + 1]:
        old.unlink(missing_ok=True)
    return folder / f"{run}.jsonl"


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(value, out)


def _last_words(said: deque[str], code: int) -> str:
    """Why Ansible gave up before any result."""
    told = [line.strip() for line in said if line.strip()]
    wrong = [line for line in told if line.startswith(("[ERROR]", "ERROR!", "fatal"))]
    return f"ansible-playbook ended with {code}: {(wrong or told or ['no output'])[0]}"


def _scrub(play: Play, text: str) -> str:
    for value, shown in play.hidden.items():
        text = text.replace(value, shown)
    return text
