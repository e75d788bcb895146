"""Roles that no server of the demonstration has, and Debian 12, on three servers of their own.

Not part of `make test`: their two images take three minutes each to build, once. By hand, as root, seven minutes:

    OPS_ROLES=1 .venv/bin/pytest tests/system/test_roles_lab.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not os.environ.get("OPS_ROLES"), reason="takes minutes: OPS_ROLES=1, see docs/roles.md"),
]
ROOT = Path(__file__).parents[2]
NAME = f"r{os.getpid()}"
HOSTS = ("lab-core", "lab-drc", "lab-old")
CORE, OLD = "10.40.0.31", "10.40.0.32"


class Lab:
    """The twin of the three servers, with the name server that the resolver asks."""

    def __init__(self, inventory: Path, state: Path) -> None:
        self.inventory, self.environment = inventory, {**os.environ, "OPS_STATE": str(state)}

    def ops(self, *words: str) -> str:
        argv = [str(Path(sys.executable).parent / "ops"), *words]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=900, check=False, cwd=ROOT, env=self.environment
        )
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def provision(self, *words: str) -> dict[str, Any]:
        hosts = ",".join((*HOSTS, "dc-dns"))
        told = self.ops("provision", "--twin", NAME, "-i", str(self.inventory), "--limit", hosts, "--json", *words)
        return json.loads(told)["hosts"]  # type: ignore[no-any-return]

    def on(self, server: str, script: str) -> str:
        """What a shell script wrote that root ran on a server."""
        words = ("twin", "ssh", "--name", NAME, server, "--", "sudo", "sh", "-ec", f"'{script}'")
        return self.ops(*words).strip()


def declared(folder: Path) -> Path:
    """The demonstration's inventory with the hosts of tests/roles beside its own."""
    inventory = folder / "batubara"
    shutil.copytree(ROOT / "inventories/batubara", inventory)
    known = yaml.safe_load((inventory / "hosts.yml").read_text())
    for site, groups in yaml.safe_load((ROOT / "tests/roles/hosts.yml").read_text()).items():
        for name, group in groups.items():
            children = known["all"]["children"][site]["children"]
            if name == "ca":
                children.pop("ca", None)  # one authority, and one that is up
            children.setdefault(name, {}).setdefault("hosts", {}).update(group["hosts"])
    (inventory / "hosts.yml").write_text(yaml.safe_dump(known))
    shutil.copy(ROOT / "tests/roles/group_vars.yml", inventory / "group_vars/all/zz-roles.yml")
    return inventory


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    lab = Lab(declared(folder), folder / "state")
    only = ",".join((*HOSTS, "dc-dns"))
    try:
        lab.ops("twin", "up", "-i", str(lab.inventory), "--name", NAME, "--only", only, "--opd", "dinkes")
        yield lab
    finally:
        lab.ops("twin", "down", "--name", NAME)


@pytest.fixture(scope="module")
def lab(bare: Lab) -> Lab:
    """Looked at while fresh, then built."""
    looked = bare.provision("--check")
    assert {name: host["error"] for name, host in looked.items()} == dict.fromkeys(looked, "")
    built = bare.provision()
    assert {name: host["error"] for name, host in built.items()} == dict.fromkeys(built, "")
    return bare


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.5)


def test_a_second_run_changes_nothing_on_either_debian(lab: Lab) -> None:
    again = lab.provision()
    assert {name: host["changed"] for name, host in again.items()} == dict.fromkeys((*HOSTS, "dc-dns"), 0)
    for host in HOSTS:
        assert lab.on(host, "systemctl --failed --plain --no-legend") == ""
    assert lab.on("lab-old", "cat /etc/debian_version").startswith("12")


@pytest.mark.parametrize("address", [CORE, OLD])
def test_a_resolver_asks_our_own_name_server_for_our_domain(lab: Lab, address: str) -> None:
    zone = "@ 60 SOA a b 1 60 60 60 60\\n@ NS a\\na A 10.40.0.11\\nlab A 10.9.8.7\\n"
    conf = "zone:\\n  - domain: batubarakab.example\\n    file: /etc/knot/kominfo/lab.zone\\n"
    lab.on("dc-dns", f'printf "{zone}" >/etc/knot/kominfo/lab.zone; printf "{conf}" >/etc/knot/kominfo/lab.conf')
    lab.on("dc-dns", "knotc --blocking reload")
    ask = f"kdig +short @{address} lab.batubarakab.example A"
    until(lambda: lab.on("lab-core", ask) == "10.9.8.7")


def test_logs_reach_the_server_also_after_it_was_gone(lab: Lab) -> None:
    logs = "/var/log/kominfo/10.40.8.31-lab-drc/*.log"

    def arrived(word: str) -> int:  # RELP may bring a line twice; sudo logs the command as well
        only = f"grep -v COMMAND | sort -u | grep -c kominfolab:*.{word} || true"
        return int(lab.on("lab-core", f"cat {logs} | {only}"))

    lab.on("lab-drc", "logger -t kominfolab hello-before")
    until(lambda: arrived("hello-before") >= 1)
    lab.on("lab-core", "systemctl stop rsyslog.service syslog.socket")
    lab.on(
        "lab-drc", "for one in 1 2 3 4 5 6 7 8 9; do logger -t kominfolab hello-$one; done; systemctl restart rsyslog"
    )
    lab.on("lab-core", "systemctl start rsyslog.service")
    until(lambda: arrived("hello-[1-9]") >= 9, 120)


@pytest.mark.parametrize(("server", "address"), [("lab-core", CORE), ("lab-old", OLD)])
def test_an_owner_reaches_its_own_database_only(lab: Lab, server: str, address: str) -> None:
    def tried(sql: str, password: str = "not-a-real-password-1") -> str:
        words = f"MYSQL_PWD={password} mariadb -h {address} -u simpeg -Ne"
        return lab.on(server, f'{words} "{sql}" 2>&1 || true')

    assert tried("create or replace table simpeg.a (b int); show databases").split() == ["information_schema", "simpeg"]
    assert "denied" in tried("create table sikd.a (b int)")
    assert "denied" in tried("select 1", "wrong")


def test_exporters_reach_their_services(lab: Lab) -> None:
    for port, metric in ((9187, "pg_up"), (9113, "nginx_up"), (9104, "mysql_up")):
        assert lab.on("lab-old", f"curl -s http://{OLD}:{port}/metrics | grep -E ^{metric}[[:space:]]") == f"{metric} 1"
    ask = f"curl -s http://{CORE}:9090/api/v1/targets?state=active"
    jobs = {one["labels"]["job"] for one in json.loads(lab.on("lab-core", ask))["data"]["activeTargets"]}
    assert {"postgres", "nginx", "mariadb"} <= jobs


def test_only_security_updates_come_by_themselves(lab: Lab) -> None:
    for host, suite in (("lab-core", "trixie"), ("lab-old", "bookworm")):
        told = lab.on(host, "unattended-upgrade --dry-run --debug 2>&1 | grep Allowed.origins").partition(": ")[2]
        assert told.split(", ")[0] == f"origin=Debian,codename={suite}-security,label=Debian-Security"
        assert f"codename={suite}," not in told


def test_the_tunnels_settings_hold_and_its_keys_stay_at_home(lab: Lab) -> None:
    """Without WireGuard in this kernel the tunnel itself is not brought up here."""
    public = {host: lab.on(host, "wg pubkey </etc/wireguard/kominfo.key") for host in ("lab-core", "lab-drc")}
    assert len(set(public.values())) == 2
    for host, other in (("lab-core", "lab-drc"), ("lab-drc", "lab-core")):
        conf = lab.on(host, "cat /etc/wireguard/kominfo.conf; stat -c %a /etc/wireguard/kominfo.*")
        assert f"PublicKey = {public[other]}" in conf
        assert "PrivateKey" not in conf
        assert conf.split()[-2:] == ["600", "600"]


def test_people_come_and_go(lab: Lab) -> None:
    operators = lab.inventory / "group_vars/all/zzz-people.yml"
    here = "common_operators: [{name: budi, keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB budi]}]\n"
    operators.write_text(here)
    lab.provision("--tags", "people")
    assert "budi" in lab.on("lab-drc", "cat /etc/ssh/authorized_keys.d/budi /etc/sudoers.d/50-kominfo; id budi")
    operators.write_text("common_operators_gone: [budi]\n")
    lab.provision("--tags", "people")
    assert lab.on("lab-drc", "ls /etc/ssh/authorized_keys.d; grep budi /etc/sudoers.d/50-kominfo || true") == ""
    assert lab.on("lab-drc", "chage -l budi | grep ^Account").endswith("Jan 01, 1970")
    again = lab.provision("--tags", "people")
    assert not any(host["changed"] for host in again.values())
