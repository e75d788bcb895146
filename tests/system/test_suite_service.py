"""The suite itself as a service on a server of the twin: sandboxed, at work, killed, taken back, brought back."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.system.wheelhouse import Target, wheels

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
SERVER, UNIT = "dc-ops", "kominfo-ops.service"
STATE = "/var/lib/kominfo-ops"
SETS = "suite-jobs,suite-state"
HANDED = ("secrets.yml", "known_hosts", "ledger", "keys/evidence.pem", "keys/evidence.pub.pem")
EXPOSURE = 2.5
# a process of the service's that the job engine does not know: only systemd can end it
STRAY = f"""
sudo -u kominfo-ops setsid sleep 3007 >/dev/null 2>&1 &
until pid=$(pgrep -u kominfo-ops -x sleep); do sleep 0.1; done
echo "$pid" | sudo tee "/sys/fs/cgroup$(systemctl show --value -p ControlGroup {UNIT})/cgroup.procs"
"""


@dataclass(frozen=True)
class Served:
    """The twin whose server runs the service; `inventory`: the one that it was provisioned with."""

    regency: Any
    inventory: Path

    def on(self, command: str, given: bytes = b"") -> str:
        """Run a command line on the server; what it wrote. Fails unless it succeeds."""
        done = self.try_on(command, given)
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def try_on(self, command: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
        ops = str(Path(sys.executable).parent / "ops")
        argv = [ops, "twin", "ssh", "--name", self.regency.name, SERVER, "--", command]
        done = subprocess.run(
            argv, input=given, capture_output=True, timeout=300, check=False, cwd=ROOT, env=self.regency.environment()
        )
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(argv, done.returncode, out, err)

    def json(self, *words: str) -> Any:
        """`ops WORDS --json` on the server, as people there do."""
        return json.loads(self.on(f"ops {' '.join(words)} --json --quiet"))

    def enqueue(self, *words: str) -> str:
        return str(self.json(*words, "--enqueue")["run"])

    def ended(self, run: str) -> Any:
        """A run when it has ended."""
        self.try_on(f"timeout 240 ops jobs watch {run} --quiet")
        return self.json("jobs", "show", run)

    def provision(self, *words: str, limit: str = SERVER, code: int = 0) -> str:
        """Only the suite's role: the others have been here before, and have tests of their own."""
        usual = ("provision", "--tags", "suite", "--limit", limit, "--twin", self.regency.name)
        return str(self.regency.ops(*usual, "-i", str(self.inventory), *words, code=code))

    def main_pid(self) -> str:
        return self.on(f"systemctl show --value -p MainPID {UNIT}").strip()

    def processes(self) -> set[str]:
        """Numbers of the processes of the service's account."""
        return set(self.try_on("pgrep -u kominfo-ops").stdout.split())


@pytest.fixture(scope="module")
def waiting(applied: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Installed, without the station's state. The station of a twin has no registry: packages are fetched before."""
    wheels(ROOT, Target())
    inventory = tmp_path_factory.mktemp("suite") / "batubara"
    shutil.copytree(applied.inventory, inventory)
    (inventory / "schedules.yml").unlink()  # nothing of its own accord: other tests work on the same servers
    (inventory / "group_vars/suite.yml").write_text("suite_install: true\n")
    served = Served(applied, inventory)
    try:
        served.provision(limit=f"{SERVER},dc-web,drc-restore")  # which let it in
        yield served
    finally:
        served.try_on(f"sudo systemctl disable --now {UNIT}")


@pytest.fixture(scope="module")
def served(waiting: Served) -> Served:
    """At work: the station's state handed over as docs/running-the-suite.md says."""
    assert waiting.on(f"systemctl show --value -p ActiveState,ConditionResult {UNIT}").split() == ["inactive", "no"]
    twin = waiting.regency.state / "twin" / waiting.regency.name
    there = [name for name in HANDED if (twin / name).exists()]  # a twin that never backed anything up has no ledger
    archive = subprocess.run(["tar", "-c", *there], cwd=twin, stdout=subprocess.PIPE, check=True).stdout
    unpack = "umask 077; cd ~; mkdir -p region/batubara; tar -x --no-same-owner -C region/batubara"
    waiting.on(f"sudo -u kominfo-ops sh -c '{unpack}'", archive)
    waiting.on(f"sudo systemctl start {UNIT}")
    return waiting


def until(holds: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.3)


def test_it_is_ready_and_measures(served: Served) -> None:
    until(lambda: served.regency.run("curl", "-sf", "http://10.40.0.17:9800/healthz").stdout.strip() == "ok")
    probe = served.regency.run("curl", "-s", "http://10.40.0.17:9800/probe?target=dinkes-rtr1").stdout
    assert re.search(r"^opd_poll_up\{.*\} 1$", probe, re.MULTILINE)
    assert re.search(r"^opd_link_latency_seconds\{", probe, re.MULTILINE), "echo requests without any capability"
    assert [worker["host"] for worker in served.json("jobs", "workers")] == [SERVER]


def test_its_exposure_is_low_on_the_running_unit(served: Served) -> None:
    said = served.on(f"systemd-analyze security --no-pager {UNIT}")
    found = re.search(r"exposure level for \S+: (\d+\.\d)", said)
    assert found, said
    assert float(found[1]) <= EXPOSURE, said


def test_its_process_may_do_little(served: Served) -> None:
    pid = served.main_pid()
    status = dict(line.split(":", 1) for line in served.on(f"cat /proc/{pid}/status").splitlines())
    assert status["CapEff"].strip() == status["CapBnd"].strip() == "0" * 16
    assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
    assert "0" not in status["Uid"].split()
    for path in ("/etc/x", "/usr/x", "/opt/kominfo-ops/x", "/srv/kominfo-ops/inventories/batubara/x"):
        assert "Read-only" in served.try_on(f"sudo nsenter -t {pid} -m -- touch {path}").stderr
    folder = "/srv/kominfo-ops/inventories/batubara"
    assert "denied" in served.try_on(f"sudo -u kominfo-ops touch {folder}/region.yml").stderr


def test_a_second_provision_changes_nothing(served: Served) -> None:
    again = json.loads(served.provision("--json"))
    assert {name: host["changed"] for name, host in again["hosts"].items()} == {SERVER: 0}


def test_killed_it_leaves_nothing_and_carries_the_run_on(served: Served) -> None:
    """A real Ansible run in the service's sandbox, whose main process is killed meanwhile."""
    run = served.enqueue("provision", "--limit", "dc-web", "--check")
    until(lambda: bool(served.try_on("pgrep -u kominfo-ops -f ansible-playbook").stdout))
    served.on(STRAY)
    before = served.processes()
    served.on(f"sudo kill -KILL {served.main_pid()}")
    until(lambda: not served.processes() & before)
    until(lambda: served.on(f"systemctl show --value -p ActiveState {UNIT}").strip() == "active")
    done = served.ended(run)
    assert (done["state"], done["hosts"]["dc-web"]["state"]) == ("done", "ok"), done["error"]


def test_a_version_that_does_not_come_up_is_taken_back(served: Served) -> None:
    variables = served.inventory / "group_vars/suite.yml"
    unit = f"/etc/systemd/system/{UNIT}"
    before = served.on(f"cat {unit}")
    usual = variables.read_text()
    variables.write_text(f"{usual}suite_words: [--no-such-option]\n")
    try:
        assert UNIT in served.provision(code=6)
    finally:
        variables.write_text(usual)
    assert served.on(f"cat {unit}") == before
    assert served.on(f"systemctl is-active {UNIT}").strip() == "active"


def test_its_own_sets_are_backed_up_proven_and_bring_it_back(served: Served) -> None:
    """The drill of every set, and then the real thing with the lines that the docs tell people to type."""
    backup = served.ended(served.enqueue("backup", "run", "--set", SETS))
    assert backup["state"] == "done", backup["error"]
    drill = served.ended(served.enqueue("drill", "run", "--set", SETS))
    assert drill["state"] == "done", [event["text"] for event in drill["events"]]
    proven = {one["set"]: (one["proven"], one["differences"]) for one in drill["result"]["sets"]}
    assert proven == {"suite-jobs": (True, 0), "suite-state": (True, 0)}
    ledger = served.on(f"sudo cat {STATE}/region/batubara/ledger/backup.jsonl")
    page = (ROOT / "docs/running-the-suite.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    served.on(f"sudo systemctl stop {UNIT}; sudo sh -c 'rm -rf {STATE}/region {STATE}/jobs.sqlite*'")
    served.on("sudo bash -s", recipe.encode())
    assert served.on(f"systemctl is-active {UNIT}").strip() == "active"
    runs = {run["id"]: run["state"] for run in served.json("jobs", "list")}
    assert runs[backup["id"]] in {"running", "waiting", "done"}, "the copy was made while this run was on"
    assert drill["id"] not in runs
    assert ledger.startswith(served.on(f"sudo cat {STATE}/region/batubara/ledger/backup.jsonl"))
    assert {"0600"} == set(served.on(f"sudo find {STATE}/region -type f -printf '%04m\\n'").split())
