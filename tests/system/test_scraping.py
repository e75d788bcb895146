"""What the role has Prometheus scrape and send on: read by the real promtool, in every form that it can be set to."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from exporter_place import place, served
from image_programs import program
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from exporters.service import Service
from exporters.shards import Shard
from ops.errors import HostFailedError
from ops.system import http
from ops.system.sockets import listen_tcp
from ops.world import World

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
    "a scrape each, of shards": {"monitoring_probe": "each", "monitoring_shards": ["10.40.0.12:9800"]},
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


def exporter(world: World, shard: str, stack: ExitStack) -> str:
    """A real exporter of a share of the routers, none of which answers; where it listens."""
    service = Service(dataclasses.replace(world), snmp_port=1, shard=Shard.parse(shard))
    return served(service, stack)


def test_each_router_is_asked_of_the_shard_that_has_it(tmp_path: Path) -> None:
    world = place(tmp_path)
    routers = {opd.routers[0].name for opd in world.region.opds}
    with listen_tcp("127.0.0.1", 0) as free:
        own = f"127.0.0.1:{free.getsockname()[1]}"
    with ExitStack() as stack:
        first, second = (exporter(world, shard, stack) for shard in ("1/2", "2/2"))
        form = {"monitoring_exporter": first, "monitoring_shards": [second], "monitoring_scrape_seconds": 1}
        (tmp_path / "prometheus.yml").write_text(rendered(monitoring_probe="each", **form), encoding="utf-8")
        out = stack.enter_context((tmp_path / "log").open("wb"))
        words = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
        child = subprocess.Popen(
            [*program("prometheus"), *words, f"--web.listen-address={own}"], stdout=out, stderr=out
        )
        stack.callback(child.wait, 30)
        stack.callback(child.terminate)
        end = time.monotonic() + 90
        while (seen := scraped(own)) != dict.fromkeys(routers, "1"):
            assert time.monotonic() < end, f"{seen}, of {routers}: {(tmp_path / 'log').read_text()[-2000:]}"
            time.sleep(0.5)


def scraped(prometheus: str) -> dict[str, str]:
    """device → whether its scrape went well: 404 when it is not of that exporter's share."""
    try:
        told = http.get_json(f"http://{prometheus}/api/v1/query", {"query": 'up{job="kominfo_probe"}'})
    except HostFailedError:
        return {}
    return {one["metric"]["device"]: one["value"][1] for one in told["data"]["result"]}


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
