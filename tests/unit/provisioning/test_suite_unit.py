"""The service of the suite itself, as the role writes it: hardened, and nothing of it survives its end."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
from ansible.plugins.filter.core import FilterModule

from ops.derive import ansible_vars
from ops.inventory.load import load

ROOT = Path(__file__).parents[3]
ROLE = ROOT / "playbooks/roles/suite"
EXPOSURE = 25  # tenths


def rendered(**more: Any) -> str:
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters |= FilterModule().filters()
    template = environment.from_string((ROLE / "templates/kominfo-ops.service.j2").read_text(encoding="utf-8"))
    variables = {
        "kominfo_region": ansible_vars.region_variables(load(ROOT / "inventories/batubara")),
        "suite_packed": {"code": {"name": "0.1.0-abc"}, "region": "batubara"},
        "ansible_host": "10.40.0.17",
        "suite_words": [],
        "suite_networks": [],
    }
    return template.render(**{**variables, **more})


def settings(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_its_exposure_is_low_by_systemds_own_count(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("systemd-analyze is missing: apt-get install systemd")
    unit = tmp_path / "kominfo-ops.service"
    unit.write_text(rendered() + "\n")
    argv = [program, "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE}", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "nrecognized option" in done.stderr:
        pytest.skip("this systemd cannot look at a unit that does not run (250 or newer can)")
    found = re.search(r"exposure level for kominfo-ops.service: (\d+\.\d)", done.stdout)
    assert found, done.stdout + done.stderr
    assert done.returncode == 0, f"{found[0]}\n{done.stdout}"


def test_nothing_of_it_survives_and_it_comes_back() -> None:
    found = settings(rendered())
    assert found["Type"] == ["notify"]
    assert found["Restart"] == ["always"]
    assert found["StartLimitIntervalSec"] == ["0"]
    assert found["KillMode"] == ["mixed"]
    assert int(found["WatchdogSec"][0]) > 0
    assert int(found["TimeoutStopSec"][0]) + int(found["TimeoutStartSec"][0]) < 60, "kominfo_files waits so long"


def test_it_is_an_ordinary_user_who_writes_its_state_only() -> None:
    found = settings(rendered())
    assert (found["User"], found["StateDirectory"], found["StateDirectoryMode"]) == (
        ["kominfo-ops"], ["kominfo-ops"], ["0700"],
    )  # fmt: skip
    assert found["CapabilityBoundingSet"] == [""]
    assert found["ProtectSystem"] == ["strict"]
    assert "ReadWritePaths" not in found


def test_it_reaches_the_region_and_what_is_named_beside_it() -> None:
    (allowed,) = settings(rendered(suite_networks=["192.0.2.5/32"]))["IPAddressAllow"]
    assert allowed.split() == [
        "localhost",
        "10.40.0.0/24",
        "10.40.8.0/24",
        "10.40.16.0/20",
        "10.41.0.0/16",
        "192.0.2.5/32",
    ]


def test_further_words_reach_the_verb() -> None:
    (command,) = settings(rendered(suite_words=["--slots", "8"]))["ExecStart"]
    assert command.endswith(" --listen=10.40.0.17:9800 --slots 8")
