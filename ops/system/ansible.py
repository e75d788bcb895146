"""Playbooks, through ansible-runner. What ran is told by our own record (one JSON line per result), not by the runner.

Each run has a folder of its own on tmpfs for what is secret (removed at the end), and a record below the world's state
that begins with what the run is and ends with how it ended. Handlers that hosts are owed from earlier runs are made up
for.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ops.errors import HostFailedError, OpsError, ToolMissingError
from ops.progress import Event, Progress, State
from ops.system import ansible_replay, ansible_runs, hidden, threads
from ops.system.ansible_handlers import Ledger
from ops.system.ansible_play import PLAYBOOKS, Drive, Place, Play, program
from ops.system.ansible_record import HostRun, Record
from ops.system.ansible_runs import RunEnd
from ops.system.leftovers import end_here, end_there
from ops.system.signals import uninterrupted
from ops.system.ssh import Fleet

__all__ = ["HIDDEN", "Place", "Play", "RunSummary", "run_playbook"]
HIDDEN = "hidden, because the task handles secrets"  # as the plugin kominfo_record says it


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
    if not play.path.is_file():
        raise ToolMissingError(f"{play.path}: not found", "run `make setup` in the project's folder")
    program()
    ansible_runs.settle(play.place.state)
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    about = {"playbook": play.playbook, "check": play.check, "job": play.job, "inputs": play.inputs}
    record = Record(ansible_runs.begin(play.place.state, run, about), progress)
    play.place.fleet.close()  # its threads would be forked with us; it connects again when it is asked
    started = time.monotonic()
    code, said = _driven(play, run, record, progress)
    seconds = time.monotonic() - started
    error = "" if record.stats is not None else play.scrub(_last_words(said, code))
    hosts = {name: _explained(host, play.place.fleet, name) for name, host in record.hosts().items()}
    summary = RunSummary(run, code, seconds, hosts, record.path, error, record.complete)
    ansible_runs.conclude(record, RunEnd.FAILED if error or summary.failed else RunEnd.DONE, error)
    return summary


def _driven(play: Play, run: str, record: Record, progress: Progress) -> tuple[int, deque[str]]:
    """The playbook, then what hosts are owed; in any case what is owed now is kept, and nothing goes on."""
    with hidden.folder(run[-6:]) as folder:
        drive = Drive(play, run, folder, record.path, record.pump)
        try:
            ended = drive.go(play.path, play.limit)
            threads.check()
            if not play.check and record.pump().stats is not None:
                _make_up(drive, record, progress)
        except OpsError as error:  # it could not begin
            ansible_runs.conclude(record, RunEnd.FAILED, play.scrub(error.what))
            raise
        except BaseException:
            _cancelled(play, run, record)
            raise
        end_here(run)
        ansible_runs.take_over(play.place.state, record.pump())
    return ended


def _cancelled(play: Play, run: str, record: Record) -> None:
    with uninterrupted():
        end_here(run)
        end_there(run, play.place.fleet, record.pump().begun)
        ansible_runs.take_over(play.place.state, record.pump())
        ansible_runs.conclude(record, RunEnd.CANCELLED)


def _make_up(drive: Drive, record: Record, progress: Progress) -> None:
    """Run the handlers that hosts are owed, by this run or by earlier ones. Those that failed now wait on."""
    play, well = drive.play, {name for name, host in record.hosts().items() if not host.error}
    ansible_runs.take_over(play.place.state, record)
    owed = Ledger(play.place.state).of(play.playbook, well)
    if not owed:
        return
    for host, names in owed.items():
        progress(Event("handlers", host, State.RUNNING, f"owed since an earlier run: {', '.join(sorted(names))}"))
    roles = [play.path.parent / "roles", PLAYBOOKS / "roles"]
    try:
        playbook = ansible_replay.write(play.path, owed, drive.folder / "owed", roles)
    except OpsError as error:
        for host in owed:
            progress(Event("handlers", host, State.FAILED, f"{error.what}; {error.next_step}"))
        return
    drive.go(playbook, tuple(sorted(owed)))
    record.pump()


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
    return replace(host, message=message, step=step or host.step)


def _last_words(said: deque[str], code: int) -> str:
    """Why Ansible gave up before any result."""
    told = [line.strip() for line in said if line.strip()]
    wrong = [line for line in told if line.startswith(("[ERROR]", "ERROR!", "fatal"))]
    return f"ansible-playbook ended with {code}: {(wrong or told or ['no output'])[0]}"
