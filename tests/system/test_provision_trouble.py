"""Provisioning on real servers: a plan is applied only as it was shown; a retry leaves finished hosts alone; apt's lock
and a full disk are told in one line."""

from __future__ import annotations

import json
import subprocess
import textwrap
from collections.abc import Iterator
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
