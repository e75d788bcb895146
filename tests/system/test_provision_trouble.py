"""Provisioning on real servers: a plan is applied only as it was shown; a retry leaves finished hosts alone; apt's lock
and a full disk are told in one line; a network that is cut in the middle of a firewall's trial leaves the old one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ops.system import netns
from ops.system.ansible import Place, Play, run_playbook
from ops.world import at

pytestmark = pytest.mark.system


def test_a_plan_is_applied_only_as_it_was_shown(provisioned: Any) -> None:
    provisioned.on("dc-dns", "chmod 0600 /etc/knot/knot.conf")
    plan = provisioned.json("provision", "--check", "--limit", "dc-dns")["plan"]
    assert [step["task"] for step in plan["hosts"]["dc-dns"]] == ["dns : Name server is configured"]
    extra = provisioned.inventory / "group_vars/all/zz-more.yml"
    extra.write_text("zz_more: 1\n")
    try:
        said = provisioned.on_twin("provision", "--plan", plan["checksum"], code=5)
        assert "inventory: group_vars/all/zz-more.yml is new" in said
    finally:
        extra.unlink()
    done = provisioned.json("provision", "--plan", plan["checksum"])
    assert {name: host["changed"] for name, host in done["hosts"].items()} == {"dc-dns": 1}


@contextmanager
def shut(regency: Any, host: str) -> Iterator[None]:
    """A host whose SSH port answers nobody."""
    inside = ["ip", "netns", "exec", f"{regency.name}.{host}", "nft"]
    chain = "chain in {\n type filter hook input priority -50;\n tcp dport 22 reject with tcp reset\n }"
    subprocess.run([*inside, "-f", "-"], input=f"table inet zz {{\n {chain}\n}}\n", text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*inside, "delete", "table", "inet", "zz"], check=True)


def test_a_retry_touches_only_what_is_unfinished(provisioned: Any) -> None:
    with shut(provisioned, "dc-mon"):
        said = provisioned.on_twin("provision", "--limit", "dc-dns,dc-mon", code=6)
    assert "dc-mon: unreachable" in said
    run = said.split("ops jobs retry ")[1].split("`")[0]
    fresh = provisioned.ops("jobs", "retry", run, "--twin", provisioned.name).split()[1]
    provisioned.ops("jobs", "carry-out", fresh, "--twin", provisioned.name)
    shown = json.loads(provisioned.ops("jobs", "show", fresh, "--twin", provisioned.name, "--json"))
    assert list(shown["result"]["hosts"]) == ["dc-mon"]
    assert shown["result"]["hosts"]["dc-mon"]["error"] == ""


WIDER = """
common_firewall_seconds: 25
common_services_by_group: {app: [{protocol: tcp, ports: "8099", from: [any]}]}
"""


@pytest.mark.parametrize("cut_off", ["all", "new"])
def test_a_network_that_is_cut_while_a_firewall_is_on_trial(provisioned: Any, cut_off: str) -> None:
    """The host takes the old one back by itself, the run ends and says why, the next one goes on. `new`: connections
    that are there live on, as through a firewall that locks the station out; over one of them nothing is confirmed."""
    host, words = "dc-app", ("provision", "--limit", "dc-app", "--tags", "firewall")
    wider = provisioned.inventory / "host_vars" / host / "zz-wider.yml"
    wider.parent.mkdir(parents=True, exist_ok=True)
    wider.write_text(WIDER)
    try:
        with begun(provisioned, *words) as child:
            until(lambda: "8099" in ruleset(provisioned, host))
            with cut(provisioned, host, cut_off):
                cut_at = time.monotonic()
                until(lambda: "8099" not in ruleset(provisioned, host))
                assert time.monotonic() - cut_at < 90, "the promise of docs/roles.md"
                said, _ = child.communicate(timeout=300)
        assert child.returncode == 6, said
        assert re.search(rf"{host}: (unreachable|common : Station still gets in): ", said), said
        assert "ops jobs retry" in said
        record = max((provisioned.state / "twin" / provisioned.name / "runs").glob("*.jsonl"))
        assert json.loads(record.read_text().splitlines()[-1])["end"] == "failed"
        assert "8099" not in provisioned.on(host, "cat /etc/nftables.conf")
        provisioned.on_twin(*words)
        assert "8099" in ruleset(provisioned, host)
        assert "8099" in provisioned.on(host, "cat /etc/nftables.conf")
    finally:
        wider.unlink()
        provisioned.on_twin(*words)
    assert "8099" not in ruleset(provisioned, host)


@contextmanager
def begun(regency: Any, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`ops WORDS` on the twin, under way; ended at the latest with the block."""
    program = str(Path(sys.executable).parent / "ops")
    argv = [program, *words, "--twin", regency.name, "-i", str(regency.inventory)]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    child = subprocess.Popen(argv, **output, text=True, env=regency.environment())
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait(60)


@contextmanager
def cut(regency: Any, host: str, what: str) -> Iterator[None]:
    """`all`: nothing goes to the host or comes from it any more, and nobody is told so. `new`: no new connection."""
    inside = ["ip", "netns", "exec", f"{regency.name}.{host}", "nft"]
    rest = "policy drop;" if what == "all" else "\n tcp flags syn tcp dport 22 drop\n"
    chains = [f"chain {way} {{ type filter hook {way} priority -50; {rest} }}\n" for way in ("input", "output")]
    subprocess.run([*inside, "-f", "-"], input=f"table inet zz {{\n{''.join(chains)}}}\n", text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*inside, "delete", "table", "inet", "zz"], check=True)


def ruleset(regency: Any, host: str) -> str:
    """What is in the host's kernel, asked past its network."""
    inside = ["ip", "netns", "exec", f"{regency.name}.{host}", "nft", "list", "table", "inet", "kominfo"]
    return subprocess.run(inside, capture_output=True, text=True, check=True).stdout


def until(holds: Callable[[], bool], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_lock_of_apt_and_a_full_disk_are_told_in_one_line(provisioned: Any, tmp_path: Path) -> None:
    playbook = tmp_path / "trouble.yml"
    playbook.write_text(
        textwrap.dedent(
            """
            - hosts: dc-web:dc-dns
              gather_facts: false
              become: true
              tasks:
                - name: Package
                  ansible.builtin.shell: |
                    python3 -c 'import fcntl, time; f = open("/var/lib/dpkg/lock-frontend", "w")
                    fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(60)' >/dev/null 2>&1 &
                    sleep 1; DEBIAN_FRONTEND=noninteractive apt-get -y install --reinstall nginx-common; code=$?
                    kill $!; exit $code
                  when: inventory_hostname == 'dc-web'
                - name: File
                  kominfo_files:
                    files: [{path: /run/zz-full/file, content: "{{ 'x' * 200000 }}"}]
                  when: inventory_hostname == 'dc-dns'
            """
        )
    )
    world = at(provisioned.state / "twin" / provisioned.name)
    with netns.inside(f"{provisioned.name}.station"):
        dns = world.fleet.on("dc-dns")
        dns.run(["mkdir", "-p", "/run/zz-full"]).must()
        dns.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/run/zz-full"]).must()
        try:
            place = Place(world.inventory, world.state, world.ssh_key, world.known_hosts, world.fleet)
            done = run_playbook(Play(str(playbook), place, limit=("dc-web", "dc-dns")), lambda _: None)
        finally:
            world.fleet.on("dc-dns").run(["umount", "/run/zz-full"]).must()
            world.fleet.close()
    assert done.hosts["dc-web"].trouble.startswith("Package: exit 100: E: Could not get lock")
    assert "fuser -v /var/lib/dpkg/lock-frontend" in done.hosts["dc-web"].trouble
    assert "No space left on device" in done.hosts["dc-dns"].trouble
    assert "make room there" in done.hosts["dc-dns"].trouble
