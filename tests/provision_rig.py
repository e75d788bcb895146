"""Small playbooks on hosts that are this machine: what tests of the provisioning engine share."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ops.progress import Event
from ops.system.ansible import Place, Play, RunSummary, run_playbook
from ops.system.ssh import Fleet

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


@dataclass
class Rig:
    """`at`: host → its Ansible variables; by default all are this machine itself."""

    folder: Path
    at: dict[str, dict[str, Any]] = field(default_factory=lambda: {"a": LOCAL})
    fleet: Fleet | None = None
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = self.folder / "state"
        self.fleet = self.fleet or Fleet({}, self.folder / "key", self.folder / "known_hosts")

    def place(self) -> Place:
        inventory = self.folder / "hosts.yml"
        inventory.write_text(json.dumps({"all": {"hosts": self.at}}))
        assert self.fleet
        return Place(inventory, self.state, self.fleet.key, self.fleet.known_hosts, self.fleet)

    def play(self, wanted: str | dict[str, Any], **options: Any) -> Play:
        """Tasks as YAML, or a whole play as data; it is for all hosts."""
        path = self.folder / "play.yml"
        tasks = {"tasks": yaml.safe_load(textwrap.dedent(wanted))} if isinstance(wanted, str) else wanted
        path.write_text(json.dumps([{"name": "Test", "hosts": "all", "gather_facts": False, **tasks}]))
        return Play(str(path), self.place(), **options)

    def run(self, wanted: str | dict[str, Any], **options: Any) -> RunSummary:
        return run_playbook(self.play(wanted, **options), self.told.append)

    def lines(self, run: RunSummary | None = None) -> list[dict[str, Any]]:
        """Of one record, or of all."""
        paths: Sequence[Path] = [run.record] if run else sorted((self.state / "runs").glob("*.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def driver(play: Play) -> str:
    """A program that runs that play, as another process may."""
    place = play.place
    paths = ", ".join(repr(str(path)) for path in (place.inventory, place.state, place.ssh_key, place.known_hosts))
    return textwrap.dedent(
        f"""
        import signal
        from pathlib import Path
        from ops.progress import silent
        from ops.system.ansible import Place, Play, run_playbook
        from ops.system.ssh import Fleet
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell may have it ignored
        inventory, state, key, known = map(Path, ({paths}))
        place = Place(inventory, state, key, known, Fleet({{}}, key, known))
        done = run_playbook(Play({play.playbook!r}, place), silent)
        # not ru_maxrss: that begins with what the process was a copy of
        peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
        print(done.complete, peak.split()[1])
        """
    )
