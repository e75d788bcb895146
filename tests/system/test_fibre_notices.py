"""The real Alertmanager with the configuration that follows from the inventory: a cut is one notification.

Whatever the order in which cause and effects arrive, with a late cause, and after a restart. Only the waiting times are
shortened. The program is the one in the twin's image, in a mount namespace of its own.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from image_programs import image, program

from ops.derive.alert_routes import CUT_WAIT, EFFECTS_WAIT, configuration
from ops.inventory.load import load
from ops.inventory.model import Alerting
from ops.inventory.roster import Roster
from ops.system import http

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
OFFICES = [f"kantor-{n}" for n in range(60)]
WAITS = {EFFECTS_WAIT: "4s", CUT_WAIT: "1s"}  # what a late cause may take shrinks with it


class Receiver:
    """A webhook that remembers what it was told."""

    def __init__(self) -> None:
        self.notices: list[dict[str, Any]] = []
        notices = self.notices

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                notices.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_words: object) -> None:
                """Nothing: tests keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self) -> list[set[str]]:
        """The names of the alerts of each notification."""
        return [{alert["labels"]["alertname"] for alert in notice["alerts"]} for notice in self.notices]


class Alertmanager:
    """One instance. `folder`: its configuration and its storage, kept over a restart."""

    def __init__(self, folder: Path, hook: str) -> None:
        self.folder = folder
        alerting = Alerting.model_validate({"webhook": hook})
        region = load(ROOT / "inventories/batubara").model_copy(update={"alerting": alerting})
        text = json.dumps(configuration(region))
        for long, short in WAITS.items():
            assert f'"{long}"' in text
            text = text.replace(f'"{long}"', f'"{short}"')
        (folder / "am.yml").write_text(text, encoding="utf-8")
        self.start()

    def start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        words = f"--config.file=/mnt/am.yml --storage.path=/mnt/data --web.listen-address=127.0.0.1:{port}"
        argv = [
            "chroot",
            str(image("prometheus-alertmanager")),
            "/usr/bin/prometheus-alertmanager",
            *words.split(),
            "--cluster.listen-address=",
        ]
        inside = f"mount --bind {self.folder} {image('prometheus-alertmanager')}/mnt && exec {' '.join(argv)}"
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", inside], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: http.answers(f"{self.url}/-/ready"))

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(30) == 0

    def post(self, *alerts: dict[str, str], ago: float = 0) -> None:
        """As Prometheus does: an alert begins when it fires, `ago` seconds before now."""
        begun = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
        annotated = [{"labels": labels, "startsAt": begun, "annotations": {"summary": "x"}} for labels in alerts]
        http.post_json(f"{self.url}/api/v2/alerts", annotated)


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


CAUSE = {"alertname": "FibreSegmentCut", "segment": "r1-01", "severity": "critical"}


def held_back() -> list[dict[str, str]]:
    """What tells Alertmanager which offices a cut took."""
    ports = [
        {"alertname": "LinkBehindCut", "opd": opd, "site": "k", "device": f"{opd}-rtr1", "ifname": "sfp1"}
        for opd in OFFICES
    ]
    offices = [{"alertname": "OfficeBehindCut", "opd": opd} for opd in OFFICES]
    return [{**one, "severity": "none"} for one in (*ports, *offices)]


def effects() -> list[dict[str, str]]:
    """What a cut brings about: routers and ports in every office, telephones in each."""
    found = []
    for opd in OFFICES:
        device = {"opd": opd, "site": "k", "device": f"{opd}-rtr1", "severity": "critical"}
        found += [{"alertname": "OfficeUnreachable", **device}]
        found += [{"alertname": "OfficeLinkDown", "ifname": "sfp1", **device}]
        found += [{"alertname": "PhoneUnregistered", "opd": opd, "severity": "warning"}]
    return found


@pytest.fixture
def hook() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def test_a_cut_is_one_notification_in_any_order_with_a_late_cause_and_after_a_restart(
    tmp_path: Path, hook: Receiver
) -> None:
    alertmanager = Alertmanager(tmp_path, hook.url)
    try:
        dice = random.Random(4)
        held, brought = held_back(), effects()
        early, late = [*brought, *dice.sample(held, 20)], [*held, CAUSE]
        for part in (early, late):
            dice.shuffle(part)
            for at in range(0, len(part), 20):
                alertmanager.post(*part[at : at + 20])
            time.sleep(1.5)  # the cause is late, by less than effects are made to wait
        until(lambda: hook.notices)
        time.sleep(5)  # longer than effects wait: none of them may follow
        assert hook.told() == [{"FibreSegmentCut"}]
        alertmanager.stop()
        alertmanager.start()
        alertmanager.post(*held_back(), CAUSE, ago=60)
        alertmanager.post(*effects(), ago=60)
        time.sleep(5)
        assert hook.told() == [{"FibreSegmentCut"}]
        alertmanager.post({"alertname": "OfficeUnreachable", "opd": "lain", "device": "x", "severity": "critical"})
        until(lambda: len(hook.notices) == 2)  # an office of which no cut is known is still told
        assert hook.told()[1] == {"OfficeUnreachable"}
    finally:
        alertmanager.stop()


def test_amtool_accepts_what_follows_from_the_inventory(tmp_path: Path) -> None:
    channels = {
        "smarthost": "mail.example:25",
        "mail_from": "ops@example",
        "telegram_chat": 5,
        "mail_to": ["a@example"],
    }
    alerting = Alerting.model_validate(channels)
    region = load(ROOT / "inventories/batubara").model_copy(update={"alerting": alerting, "roster": Roster()})
    (tmp_path / "am.yml").write_text(json.dumps(configuration(region)), encoding="utf-8")
    amtool = program("amtool")
    done = subprocess.run(
        [*amtool, "check-config", str(tmp_path / "am.yml")], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    asked = ["config", "routes", "test", f"--config.file={tmp_path / 'am.yml'}"]
    for labels, told in (
        (["alertname=OfficeUnreachable", "opd=dinkes", "severity=critical"], "opd-dinkes,kominfo"),
        (["alertname=LinkBehindCut", "opd=dinkes", "severity=none"], "nobody"),
        (["alertname=FibreSegmentCut", "segment=r1-01", "severity=critical"], "kominfo"),
        (["alertname=BackupJobOverdue", "severity=critical"], "kominfo"),
    ):
        done = subprocess.run([*amtool, *asked, *labels], capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.strip() == told, done.stdout + done.stderr
