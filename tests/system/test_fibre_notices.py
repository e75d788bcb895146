"""The real Alertmanager with the configuration that follows from the inventory: a cut is one notification.

Whatever the order in which cause and effects arrive, with a late cause, and after a restart. Only the waiting times are
shortened. The effects are those of exporters/alerts, with the labels that they have in their own cases. The program is
the one in the twin's image, in a mount namespace of its own.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alert_files import NETWORK, labels
from image_programs import image, program

from ops.derive.alert_routes import CALL_ENDS, CALLS, CUT_WAIT, EFFECTS, EFFECTS_WAIT, configuration
from ops.inventory.load import load
from ops.inventory.model import Alerting
from ops.inventory.roster import Roster
from ops.system import http

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
WAITS = {EFFECTS_WAIT: "6s", CUT_WAIT: "1s", "30s": "1s", "1m": "2s"}  # what a late cause may take shrinks with it
LATE = 2.0  # seconds in which all of an order arrives: far less than effects are made to wait
ALERTS_OF = labels(*NETWORK, "watchdog")


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
    """One instance. `folder`: its configuration and its storage, kept over a restart. `hook`, `outside`: webhooks of
    the regency's own office, and of the place that hears the Watchdog."""

    def __init__(self, folder: Path, hook: str, outside: str) -> None:
        self.folder = folder
        alerting = Alerting.model_validate({"webhook": hook, "heartbeat": outside})
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


def of(opd: str, alert: str, **more: str) -> dict[str, str]:
    """An alert as its rule makes it, for an office."""
    named = {"opd": opd, "from_opd": opd, "to_opd": opd, "site": "k", "device": f"{opd}-rtr1", "ifname": "sfp1"}
    return {name: more.get(name, named.get(name, value)) for name, value in ALERTS_OF[alert].items()}


def cause(order: str) -> dict[str, str]:
    return {**ALERTS_OF["FibreSegmentCut"], "segment": f"r-{order}"}


def held_back(opds: Iterable[str]) -> list[dict[str, str]]:
    """What tells Alertmanager which offices a cut took."""
    return [of(opd, alert) for opd in opds for alert in ("LinkBehindCut", "OfficeBehindCut")]


def effects(opds: Iterable[str]) -> list[dict[str, str]]:
    """All that a cut brings about in each office, and test calls from it and to it."""
    found = []
    for opd in opds:
        found += [of(opd, alert) for alert in EFFECTS]
        found += [of(opd, alert, **{end: "jauh"}) for alert in CALLS for end in CALL_ENDS]
    return found


def arrive(alertmanager: Alertmanager, orders: Iterable[str], dice: random.Random) -> None:
    """For each order a cut of its own with two offices, all its alerts in an order of their own, within LATE s."""
    timed: list[tuple[float, dict[str, str]]] = []
    for order in orders:
        opds = [f"o{order}-a", f"o{order}-b"]
        parts = (effects(opds), held_back(opds), [cause(order)])
        delays = (dice.uniform(0, LATE / 2), dice.uniform(0, LATE), dice.uniform(0, LATE))  # often the cause comes last
        for part, delay in zip(parts, delays, strict=True):
            timed += [(dice.uniform(0, delay), one) for one in part]
    timed.sort(key=lambda one: one[0])
    begun = time.monotonic()
    while timed:
        now = time.monotonic() - begun
        due = [one for at, one in timed if at <= now]
        timed = timed[len(due) :]
        if due:
            alertmanager.post(*due)
        time.sleep(0.05)


def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


hook, outside = pytest.fixture(receiving), pytest.fixture(receiving)


@pytest.mark.parametrize("count", [4, 100])
def test_a_cut_is_one_notification_in_any_order_with_a_late_cause_and_after_a_restart(
    tmp_path: Path, hook: Receiver, outside: Receiver, count: int
) -> None:
    """A restart: what exporters/alerts leave out behind a cut is not sent then (tests/system/test_alert_rules.py), so
    effects that are sent after all come with their cause; what is told may be told again, never an effect. All the
    while a place outside hears the Watchdog, and nothing else."""
    alertmanager = Alertmanager(tmp_path, hook.url, outside.url)
    orders = [f"{count}-{number}" for number in range(count)]
    opds = [f"o{order}-{office}" for order in orders for office in "ab"]
    try:
        alertmanager.post(ALERTS_OF["Watchdog"])
        arrive(alertmanager, orders, random.Random(4))
        until(lambda: hook.notices)
        time.sleep(LATE + 7)  # longer than effects wait: none of them may follow
        assert hook.told() == [{"FibreSegmentCut"}] * len(hook.notices)
        first = len(hook.notices)
        until(lambda: len(outside.notices) > 2)
        assert outside.told() == [{"Watchdog"}] * len(outside.notices)
        alertmanager.stop()
        alertmanager.start()
        alertmanager.post(*held_back(opds), *map(cause, orders), ago=60)
        alertmanager.post(*effects(opds), ago=60)
        time.sleep(3)  # what is older than its waiting time is told at once
        assert hook.told() == [{"FibreSegmentCut"}] * len(hook.notices)
        assert len(hook.notices) <= first + 1
        told = len(hook.notices)
        alertmanager.post(of("lain", "OfficeUnreachable"))
        until(lambda: len(hook.notices) > told)  # an office of which no cut is known is still told
        assert hook.told()[told] == {"OfficeUnreachable"}
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
    for alert, told in (
        (["alertname=OfficeUnreachable", "opd=dinkes", "severity=critical"], "opd-dinkes,kominfo"),
        (["alertname=TelephonesMissing", "opd=dinkes", "severity=warning"], "opd-dinkes,kominfo"),
        (["alertname=CallsSoundBad", "opd=dinkes", "severity=warning"], "opd-dinkes,kominfo"),
        (
            ["alertname=TestCallBad", "from_opd=dinkes", "to_opd=setda", "severity=warning"],
            "opd-dinkes,opd-setda,kominfo",
        ),
        (["alertname=TelephoneGuessing", "opd=dinkes", "severity=warning"], "kominfo"),
        (["alertname=LinkBehindCut", "opd=dinkes", "severity=none"], "nobody"),
        (["alertname=Watchdog", "severity=none"], "heartbeat"),
        (["alertname=FibreSegmentCut", "segment=r1-01", "severity=critical"], "kominfo"),
        (["alertname=BackupJobOverdue", "severity=critical"], "kominfo"),
    ):
        done = subprocess.run([*amtool, *asked, *alert], capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.strip() == told, done.stdout + done.stderr
