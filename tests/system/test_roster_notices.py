"""The real Alertmanager with everybody's shifts: it takes the file, tells whoever is on call, and keeps a silence."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from image_programs import image

from ops.derive.alert_routes import configuration
from ops.inventory.load import load
from ops.inventory.model import Alerting
from ops.jobs.silence import silence
from ops.system import http
from ops.world import World

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
CHANNELS = {"smarthost": "127.0.0.1:9", "mail_from": "ops@example", "mail_to": ["noc@example"]}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World("t", ROOT / "inventories/batubara", tmp_path, tmp_path / "key", tmp_path / "known")


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    """Its URL. The program is the one in the twin's image, in a mount namespace of its own."""
    within = image("prometheus-alertmanager")
    region = load(ROOT / "inventories/batubara").model_copy(update={"alerting": Alerting.model_validate(CHANNELS)})
    (tmp_path / "am.yml").write_text(json.dumps(configuration(region)), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        at = f"127.0.0.1:{free.getsockname()[1]}"
    words = f"--config.file=/mnt/am.yml --storage.path=/mnt/data --web.listen-address={at} --cluster.listen-address="
    inside = f"mount --bind {tmp_path} {within}/mnt && exec chroot {within} /usr/bin/prometheus-alertmanager {words}"
    child = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", inside], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not http.answers(f"http://{at}/-/ready"):
            assert time.monotonic() < deadline
            assert child.poll() is None, "Alertmanager refuses the configuration"
            time.sleep(0.1)
        yield f"http://{at}"
    finally:
        child.terminate()
        child.wait(30)


def post(url: str, **labels: str) -> None:
    http.post_json(f"{url}/api/v2/alerts", [{"labels": labels, "startsAt": datetime.now(UTC).isoformat()}])


def test_those_on_call_are_receivers_and_a_silence_holds_one_office_only(alertmanager: str, world: World) -> None:
    for opd in ("rsud", "dinkes"):
        post(alertmanager, alertname="OfficeLinkDown", opd=opd, severity="critical")
    alerts = {one["labels"]["opd"]: one for one in http.get_json(f"{alertmanager}/api/v2/alerts")}
    told = {name: {one["name"] for one in alert["receivers"]} for name, alert in alerts.items()}
    assert {"on-call-kominfo-jaga-satu", "kominfo", "on-call-rumah-sakit-simrs-satu"} <= told["rsud"]
    assert not [name for name in told["dinkes"] if name.startswith("on-call-rumah-sakit")]
    asked = ("run-1", "budi", "menunggu tukang sambung")
    made = silence(alertmanager, world, {"opd": "rsud", "minutes": "60"}, asked)
    assert silence(alertmanager, world, {"opd": "rsud", "minutes": "60"}, asked) == made  # a step that is repeated
    (kept,) = http.get_json(f"{alertmanager}/api/v2/silences")
    assert (kept["createdBy"], kept["comment"]) == ("budi", "menunggu tukang sambung [run-1]")
    deadline = time.monotonic() + 60
    while True:
        states = {
            one["labels"]["opd"]: one["status"]["state"] for one in http.get_json(f"{alertmanager}/api/v2/alerts")
        }
        if states["rsud"] == "suppressed":
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert states["dinkes"] != "suppressed"
