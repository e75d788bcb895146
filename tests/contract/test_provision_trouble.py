"""Bad trouble: each host that fails is told in one line (what, and what to do), and does no harm to the others."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paramiko
import pytest
import ssh_rig
from paramiko.common import AUTH_FAILED
from provision_rig import LOCAL, Rig, driver

from ops.system import ansible_runs, marked
from ops.system.sockets import listen_tcp
from ops.system.ssh import Fleet, Login

CANARY = 'Zq7"Can\\ary Value9é'
KILLS = int(os.environ.get("OPS_KILLS", "2"))  # the goal's 20 take minutes
LOUD = int(os.environ.get("OPS_LOUD", "5")) * 1_000_000  # bytes; the goal's 50 MB take Ansible itself a minute


class Refuses(ssh_rig._Shell):
    def check_auth_publickey(self, _user: str, _key: paramiko.PKey) -> int:
        return AUTH_FAILED


class Dies(ssh_rig._Shell):
    """A host that goes away when it is asked for the second time."""

    asked = 0

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        Dies.asked += 1
        if Dies.asked > 1:
            channel.get_transport().close()
            return False
        return super().check_channel_exec_request(channel, command)


def variables(login: Login) -> dict[str, Any]:
    return {
        "ansible_host": login.address, "ansible_port": login.port, "ansible_user": login.user,
        "ansible_python_interpreter": sys.executable,
    }  # fmt: skip


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Hosts with SSH servers of their own, each with another trouble; `well` has none."""
    with ExitStack() as stack:
        shells = {"refuses": Refuses, "dies": Dies, **dict.fromkeys(("well", "sudo", "changed"), ssh_rig._Shell)}
        logins, known = {}, ""
        for name, shell in shells.items():
            (tmp_path / name).mkdir()
            one = stack.enter_context(ssh_rig.host(tmp_path / name, name, shell))
            logins |= one.logins
            known += one.known_hosts.read_text()
        with listen_tcp("127.0.0.1", 0) as door:
            logins["gone"] = Login("127.0.0.1", "kominfo", door.getsockname()[1], become=False)
        other = known.split()[1:3]  # the key of another one
        lines = [line for line in known.splitlines() if f"]:{logins['changed'].port} " not in line]
        lines += [f"[127.0.0.1]:{logins[name].port} {' '.join(other)}" for name in ("changed", "gone")]
        (tmp_path / "known_hosts").write_text("\n".join(lines) + "\n")
        key = tmp_path / "well/operator"
        yield stack.enter_context(_closing(Fleet(logins, key, tmp_path / "known_hosts")))


class _closing:  # noqa: N801 # as contextlib's
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def __enter__(self) -> Fleet:
        return self.fleet

    def __exit__(self, *_: object) -> None:
        self.fleet.close()


def test_each_trouble_is_one_line_and_the_others_go_on(fleet: Fleet, tmp_path: Path) -> None:
    at = {name: variables(login) for name, login in fleet.logins.items()}
    at |= dict.fromkeys(("template", "full"), LOCAL)
    rig = Rig(tmp_path / "rig", at, fleet)
    rig.folder.mkdir()
    done = rig.run(
        """
        - name: First
          ansible.builtin.command: "true"
          changed_when: false
        - name: Typed wrong
          ansible.builtin.debug: {msg: "{{ no_such_name }}"}
          when: inventory_hostname == 'template'
        - name: Fills
          ansible.builtin.command: dd if=/dev/zero of=/dev/full count=1
          when: inventory_hostname == 'full'
        - name: As root
          ansible.builtin.command: "true"
          become: true
          vars: {ansible_become_exe: /nowhere/sudo}
          when: inventory_hostname == 'sudo'
        - name: Last
          ansible.builtin.command: "true"
          changed_when: false
        """
    )
    told = {name: host.trouble for name, host in done.hosts.items()}
    assert told["well"] == ""
    assert done.hosts["well"].ok == 2
    assert all("\n" not in line and len(line) < 900 for line in told.values())
    wanted = {
        "gone": ("unreachable: ", "Connection refused", "is sshd running there"),
        "refuses": ("unreachable: ", "Permission denied", "ssh-copy-id"),
        "changed": ("unreachable: ", "ssh-keygen -R", "somebody may stand between"),
        "dies": ("unreachable: ", "it went away in the middle", "ops jobs retry"),
        "template": ("Typed wrong: ", "'no_such_name' is undefined", "play.yml:"),
        "full": ("Fills: ", "No space left on device", "make room there"),
        "sudo": ("As root: ", "not found", "install sudo there"),
    }
    for name, parts in wanted.items():
        assert not [part for part in parts if part not in told[name]], told[name]
    assert done.complete
    assert done.hosts["dies"].ok == 1


def test_a_secret_is_nowhere_however_loud_ansible_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed commands, loops and differences, at -vvv; in no file, no event, no argument of a process."""
    monkeypatch.setenv("ANSIBLE_VERBOSITY", "3")
    rig = Rig(tmp_path)
    seen: list[bytes] = []
    rig.told = Listening(lambda: seen.extend(commands()))
    file = tmp_path / "made"
    done = rig.run(
        f"""
        - name: Writes it
          ansible.builtin.copy: {{content: "p={{{{ word }}}}\\n", dest: "{file}", mode: "0600"}}
        - name: Says it in a loop
          ansible.builtin.command: {{cmd: "cat {file} -", stdin: "{{{{ item }}}}"}}
          loop: ["{{{{ word }}}}", "other"]
        - name: Fails with it in a loop
          ansible.builtin.shell: {{cmd: "cat >&2; exit 4", stdin: "{{{{ item }}}}"}}
          loop: ["{{{{ word }}}}"]
          ignore_errors: true
        - name: Says it
          ansible.builtin.debug: {{msg: "{{{{ word }}}}", }}
        - name: "Is called {{{{ word }}}}"
          ansible.builtin.fail: {{msg: "no {{{{ word }}}}"}}
        """,
        variables={"word": CANARY},
        hidden={CANARY: "<secret canary>"},
        differences=True,
    )
    assert CANARY in file.read_text()
    file.unlink()
    assert done.hosts["a"].message == "no <secret canary>"
    forms = [form.encode() for form in (CANARY, json.dumps(CANARY)[1:-1], json.dumps(CANARY, ensure_ascii=False)[1:-1])]
    for path in (path for path in tmp_path.rglob("*") if path.is_file() and path.name != "play.yml"):
        assert not [form for form in forms if form in path.read_bytes()], path
    assert not [form for form in forms if form in repr(rig.told).encode() + repr(done).encode() + b"".join(seen)]
    assert "<secret canary>" in done.record.read_text()
    assert "(not shown: it holds secrets)" in done.record.read_text()
    assert seen


class Listening(list[Any]):
    """A list of events that does something more for each."""

    def __init__(self, also: Callable[[], object]) -> None:
        super().__init__()
        self._also = also

    def append(self, event: Any) -> None:
        super().append(event)
        self._also()


def commands() -> list[bytes]:
    return [marked._read(pid, "cmdline") for pid in marked._numbers()]


def test_ctrl_c_twice_ends_all_and_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    play = rig.play("- ansible.builtin.command: sleep 3019")
    child = subprocess.Popen([sys.executable, "-c", driver(play)], stderr=subprocess.PIPE, start_new_session=True)
    try:
        until(lambda: "begin" in text(rig.state) and sleeping())
        for _ in range(2):
            child.send_signal(signal.SIGINT)
            time.sleep(0.1)
        _, said = child.communicate(timeout=60)
    finally:
        child.kill()
    assert b"KeyboardInterrupt" in said
    assert sleeping() == []
    assert rig.lines()[-1]["end"] == "cancelled"
    assert not list(Path("/run/kominfo-ops-runs").glob(f"{child.pid}-*"))


def sleeping() -> list[int]:
    return [pid for pid in marked._numbers() if marked._read(pid, "cmdline") == b"sleep\x003019\x00"]


def test_kill_9_of_the_driver_at_any_moment_loses_no_event(tmp_path: Path) -> None:
    """What happened on a host stands in the record, at least as begun; the run ends as interrupted."""
    tasks, hosts = 12, ("a", "b", "c")
    rig = Rig(tmp_path, dict.fromkeys(hosts, LOCAL))
    for n in range(KILLS):
        effects = tmp_path / f"effects{n}"
        effects.mkdir()
        echo = f"echo %d >>{effects}/{{{{ inventory_hostname }}}}; sleep 0.05"
        told = [
            {"name": f"T{k}", "ansible.builtin.debug": {"msg": f"{{{{ lookup('pipe', '{echo % k}') }}}}"}}
            for k in range(tasks)
        ]
        killed = _killed_somewhere(rig, {"tasks": told, "strategy": "free"})
        assert ansible_runs.settle(rig.state) == [killed.stem]
        _nothing_is_lost(killed, effects)
    again = rig.run({"tasks": told, "strategy": "free"})
    assert again.complete
    assert {name: host.ok for name, host in again.hosts.items()} == dict.fromkeys(hosts, tasks)


def _killed_somewhere(rig: Rig, play: dict[str, Any]) -> Path:
    """Start a driver and kill it once it has so many lines, by chance; the record it leaves."""
    before = set((rig.state / "runs").glob("*.jsonl"))
    child = subprocess.Popen([sys.executable, "-c", driver(rig.play(play))], start_new_session=True)
    lines = random.randint(2, 50)  # any moment will do
    try:
        until(lambda: len(text(rig.state, before).splitlines()) >= lines)
    finally:
        child.kill()
        child.wait()
    (record,) = set((rig.state / "runs").glob("*.jsonl")) - before
    return record


def _nothing_is_lost(record: Path, effects: Path) -> None:
    lines = [json.loads(line) for line in record.read_text().splitlines()]  # every line is whole
    assert (lines[-1]["end"], lines[-1]["complete"]) == ("interrupted", False)
    begun = {(line["host"], line["begin"]) for line in lines if "begin" in line}
    ended = Counter(line["host"] for line in lines if line.get("state") == "ok")
    for file in effects.iterdir():
        happened = [f"T{word}" for word in file.read_text().split()]
        assert [task for task in happened if (file.name, task) not in begun] == []
        assert ended[file.name] <= len(happened) <= ended[file.name] + 1, "a result is in the record, or its task runs"
    time.sleep(0.3)
    assert not [pid for pid in marked._numbers() if record.stem in marked._runs(pid)], "something of it goes on"


def test_megabytes_of_output_stay_out_of_our_memory(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    play = rig.play(f"- ansible.builtin.shell: head -c {LOUD} /dev/zero | tr '\\0' x; exit 3")
    done = subprocess.run([sys.executable, "-c", driver(play)], capture_output=True, text=True, check=True)
    complete, kilobytes = done.stdout.split()
    assert complete == "True"
    assert int(kilobytes) < 150_000
    (line,) = [line for line in rig.lines() if "output" in line]
    assert line["output"]["bytes"] == LOUD
    assert len(line["message"]) < 5000


def text(state: Path, but: set[Path] = frozenset()) -> str:  # type: ignore[assignment] # never written to
    """All records but those."""
    return "".join(path.read_text() for path in set((state / "runs").glob("*.jsonl")) - but)


def until(holds: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
