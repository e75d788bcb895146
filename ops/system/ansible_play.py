"""One playbook and how ansible-runner is told to run it: arguments, environment, files on tmpfs.

ansible-runner's habits that are changed here: it would turn host-key checking off, find another Ansible on PATH, keep
every variable and the whole environment in its folder, and put a callback of its own in front, which writes an event
three times over and displays whatever a task wrote.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.errors import ToolMissingError
from ops.system import hidden, marked, threads
from ops.system.ssh import Fleet

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "playbooks"
FAST = "ansible_mitogen"  # the package behind the fast gear
_KILLED = 137  # as a shell says it of a program that was killed; ansible-runner then has no exit code at all
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 1000  # characters of a line that belongs to no task
_LOOK = 0.5  # seconds between looks at the record
# A minute without a sign of life ends a connection: else a network that is cut in the middle of a step holds the run
# for ever, for who only waits for an answer sends nothing that could be missed.
_ALIVE = "-o ServerAliveInterval=10 -o ServerAliveCountMax=6"


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
    """One run. `variables` may hold secrets: they travel in a file on tmpfs. `hidden`: value → what to show instead.

    `differences`: have the record hold what changed, with `key` making its digests of it unguessable. `fast`: by
    mitogen. `job` and `inputs`: see `ansible_runs.Origin`.
    """

    playbook: str
    place: Place
    limit: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    check: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    forks: int = 16
    differences: bool = False
    key: str = ""
    fast: bool = False
    job: str = ""
    inputs: str = ""

    @property
    def path(self) -> Path:
        return PLAYBOOKS / self.playbook

    def scrub(self, text: str) -> str:
        for value, shown in self.hidden.items():
            text = text.replace(value, shown)
        return text


@dataclass(frozen=True, slots=True)
class Drive:
    """One call of ansible-playbook: for which play and run, with what is secret in `folder`."""

    play: Play
    run: str
    folder: Path
    record: Path
    look: Callable[[], object]  # called every now and then while it runs

    def go(self, playbook: Path, limit: tuple[str, ...]) -> tuple[int, deque[str]]:
        """Its exit code, and the last lines that belong to no task."""
        from ansible_runner.interface import init_runner  # noqa: PLC0415 # 0.3 s that most commands do not need

        said: deque[str] = deque(maxlen=40)
        private = self.folder / f"runner-{playbook.stem}-{playbook.parent.name}"
        write(private / "env/settings", {"pexpect_timeout": _LOOK, "suppress_output_file": True})
        runner = init_runner(
            private_data_dir=str(private),
            binary=str(program()),
            cmdline=shlex.join([*words(self.play, self.folder, limit), str(playbook)]),
            envvars=environment(self.play, self.run, self.folder, self.record),
            event_handler=lambda event: _hear(event, said),
            cancel_callback=self._stopped,  # without one the runner takes over SIGINT and SIGTERM
            suppress_env_files=True,
            fact_cache_type="memory",
            quiet=True,
        )
        runner.config.env["ANSIBLE_STDOUT_CALLBACK"] = "kominfo_record"  # nothing but the record is told of results
        return self._ended(runner), said

    def _ended(self, runner: Any) -> int:
        import pexpect  # type: ignore[import-untyped] # noqa: PLC0415

        try:
            runner.run()
        except pexpect.TIMEOUT:  # ended, but a child still holds the terminal
            return 0
        return _KILLED if runner.rc is None else int(runner.rc)

    def _stopped(self) -> bool:
        self.look()
        return threads.stopped()


def program() -> Path:
    """The ansible-playbook beside the running Python. ToolMissingError when there is none."""
    found = Path(sys.executable).parent / "ansible-playbook"
    if not found.is_file():
        raise ToolMissingError(f"{found}: not found", "run `make setup` in the project's folder")
    return found


def words(play: Play, folder: Path, limit: tuple[str, ...] = ()) -> list[str]:
    """Arguments of ansible-playbook before the playbook; no secret among them."""
    variables = {**play.variables, **({"kominfo_strategy": "mitogen_free"} if play.fast else {})}
    write(folder / "variables.json", {name: _data(value) for name, value in variables.items()})
    found = ["--inventory", str(play.place.inventory.resolve()), "--forks", str(play.forks)]
    found += ["--extra-vars", f"@{folder / 'variables.json'}"]
    found += ["--limit", ",".join(limit)] if limit else []
    found += ["--tags", ",".join(play.tags)] if play.tags else []
    found += ["--check"] if play.check else []
    return found + (["--diff"] if play.differences else [])


def _data(value: Any) -> Any:
    """Variables are data: Ansible would run whatever stands in braces in a text, also in the name of an office."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value} if "{" in value else value
    if isinstance(value, Mapping):
        return {name: _data(inner) for name, inner in value.items()}
    return [_data(inner) for inner in value] if isinstance(value, list | tuple) else value


def environment(play: Play, run: str, folder: Path, record: Path) -> dict[str, str]:
    write(folder / "hidden.json", {"hidden": dict(play.hidden), "key": play.key})
    known = shlex.quote(f"UserKnownHostsFile={play.place.known_hosts.absolute()}")
    return {
        marked.MARK: marked.value(run),  # the playbooks hand it on to the hosts
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
        "ANSIBLE_SSH_ARGS": f"-o ControlMaster=auto -o ControlPersist=60s -o IdentitiesOnly=yes {_ALIVE} -o {known}",
        **(_fast_gear() if play.fast else {}),
    }


# Seconds. To mitogen a host is there once its Python has answered, not its sshd: the 10 s of plain Ansible are too few
# for nine hosts that start one each on a busy machine.
_FIRST_WORD = "60"


def _fast_gear() -> dict[str, str]:
    """mitogen's strategies. ToolMissingError without the extra."""
    found = importlib.util.find_spec(FAST)
    if found is None or not found.origin:
        raise ToolMissingError("the fast gear needs mitogen, which is not installed", "pip install 'kominfo-ops[fast]'")
    strategies = Path(found.origin).parent / "plugins/strategy"
    return {
        "ANSIBLE_STRATEGY_PLUGINS": str(strategies),
        "ANSIBLE_STRATEGY": "mitogen_linear",
        "ANSIBLE_TIMEOUT": _FIRST_WORD,
    }


def _hear(event: Mapping[str, Any], said: deque[str]) -> bool:
    """What Ansible says beside the record: warnings, and why it could not begin."""
    if event.get("event") in {"verbose", "error"}:
        said.extend(_COLOUR.sub("", line[:_LONGEST]) for line in str(event.get("stdout", ""))[:10_000].splitlines())
    return False  # no event files: the record is ours


def write(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(value, out)
