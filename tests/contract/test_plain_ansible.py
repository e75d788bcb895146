"""Plain Ansible sees the world that the suite sees, and the playbooks are clean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.derive import ansible_vars
from ops.inventory.load import load

ROOT = Path(__file__).parents[2]
INVENTORY = "inventories/batubara"
REGION = load(ROOT / INVENTORY)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [str(Path(sys.executable).parent / words[0]), *words[1:]]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def inventory() -> dict[str, Any]:
    done = run("ansible-inventory", "-i", INVENTORY, "--list")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_servers_and_their_groups_are_those_of_hosts_yml(inventory: dict[str, Any]) -> None:
    for server in REGION.servers:
        assert inventory["_meta"]["hostvars"][server.name]["ansible_host"] == str(server.address)
    for group in ("dns", "web", "database", "monitoring", "pbx", "app", "suite", "vault", "restore"):
        assert inventory[group]["hosts"] == [server.name for server in REGION.group(group)]


def test_every_office_is_a_group_of_its_servers_and_routers(inventory: dict[str, Any]) -> None:
    for opd in REGION.opds:
        members = {*ansible_vars.servers(REGION, opd), *(router.name for router in opd.routers)}
        assert set(inventory[ansible_vars.group(opd)]["hosts"]) == members
    assert len(inventory["routers"]["hosts"]) == sum(len(opd.routers) for opd in REGION.opds)


def test_an_offices_variables_are_what_the_plan_shows(inventory: dict[str, Any]) -> None:
    artifacts = {artifact.scope: artifact.content for artifact in ansible_vars.artifacts(REGION)}
    for opd in REGION.opds:
        seen = inventory["_meta"]["hostvars"][opd.routers[0].name]
        name = ansible_vars.group(opd)
        assert yaml.safe_load(artifacts[opd.code]) == {name: plain(seen[name])}


def plain(value: Any) -> Any:
    """Without the mark that Ansible sets on values it will not template."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {k: plain(v) for k, v in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def test_a_broken_office_is_told_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "batubara"
    (folder / "opd").mkdir(parents=True)
    for name in ("region.yml", "hosts.yml", "fibre.yml", "drc.yml", "opd/dinkes.yml"):
        (folder / name).write_text((ROOT / INVENTORY / name).read_text())
    office = folder / "opd/dinkes.yml"
    office.write_text(office.read_text().replace("kecamatan:", "kecamtan:"))
    done = run("ansible-inventory", "-i", str(folder), "--list")
    assert done.returncode != 0
    told = "".join(done.stderr.split())  # Ansible breaks lines anywhere
    assert "opd/dinkes.yml:5:" in told
    assert "kecamtan" in told


@pytest.mark.parametrize("playbook", ["site.yml", "apply.yml", "standby.yml"])
def test_playbooks_parse(playbook: str) -> None:
    done = run("ansible-playbook", "-i", INVENTORY, f"playbooks/{playbook}", "--syntax-check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_playbooks_are_clean_by_the_strictest_profile() -> None:
    done = run("ansible-lint", "--offline", "--nocolor", "--profile", "production", "playbooks")
    assert done.returncode == 0, done.stdout + done.stderr
