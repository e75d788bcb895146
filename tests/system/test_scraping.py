"""What the role has Prometheus scrape and send on: read by the real promtool, in every form that it can be set to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from image_programs import program
from jinja2 import Environment, FileSystemLoader, StrictUndefined

pytestmark = pytest.mark.system

ROLE = Path(__file__).parents[2] / "playbooks/roles/monitoring"
GIVEN: dict[str, Any] = {
    "kominfo_region": {"code": "batubara", "servers": {"dc-web": "10.40.0.12"}},
    "ansible_host": "10.40.0.14",
    "groups": {},
}


def rendered(**changed: Any) -> str:
    """The role's configuration of Prometheus, as Ansible would write it."""
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    values = {**defaults, "monitoring_exporter": "10.40.0.10:9800", **GIVEN, **changed}
    world = Environment(
        loader=FileSystemLoader(ROLE / "templates"), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    world.filters["to_json"] = json.dumps
    return world.get_template("prometheus.yml.j2").render(values)


STORE = {"url": "http://10.40.0.30:8428/api/v1/write"}
FORMS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "a scrape each": {"monitoring_probe": "each"},
    "shards": {"monitoring_shards": ["10.40.0.12:9800"]},
    "a store elsewhere": {"monitoring_remote_write": [STORE, {**STORE, "keep": "opd_.*"}]},
}


@pytest.mark.parametrize("form", FORMS)
def test_prometheus_takes_it(form: str, tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text(rendered(**FORMS[form]), encoding="utf-8")
    words = [*program("promtool"), "check", "config", "--syntax-only", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_routers_are_asked_in_one_of_two_ways_and_never_in_both() -> None:
    paths = {form: [job.get("metrics_path") for job in jobs(form)] for form in ("as it is", "a scrape each")}
    assert [one for one in paths["as it is"] if one] == ["/probe-all"]
    assert [one for one in paths["a scrape each"] if one] == ["/probe"]
    asked = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs("shards")}
    assert asked["kominfo_devices"] == asked["kominfo_exporter"] == ["10.40.0.10:9800", "10.40.0.12:9800"]


def test_a_store_elsewhere_gets_what_rules_record_unless_it_asks_for_more() -> None:
    (first, second) = yaml.safe_load(rendered(**FORMS["a store elsewhere"]))["remote_write"]
    assert first["write_relabel_configs"][0]["regex"] == "(opd|opd_link|upstream):.*"
    assert second["write_relabel_configs"][0]["regex"] == "opd_.*"
    assert "remote_write" not in yaml.safe_load(rendered())


def test_the_exporter_may_hold_a_socket_for_every_device() -> None:
    look = "from ops.system.open_files import raise_open_files as r; print(r(3000), r(10**9) >= 3000)"
    words = ["sh", "-c", 'ulimit -Sn 256; ulimit -Hn 4096; exec "$@"', "sh", sys.executable, "-c", look]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["3000", "True"]


def jobs(form: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(rendered(**FORMS[form]))["scrape_configs"]
    return found
