"""Alertmanager's webhook → short messages: kept once, sent through gateways that are down, slow to agree, or refuse.

A fake gateway answers over real HTTP as Telegram and Fonnte do; the queue is in the real job database, on both kinds.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from ops import world as worlds
from ops.inventory.gateways import Gateway
from ops.jobs import notices as module
from ops.jobs.notices import Notices, lines
from ops.jobs.notices_http import routes
from ops.system.database import Database
from ops.world import World

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"


@dataclass
class Fake:
    """A gateway: what it was sent, and with which status it answers from now on."""

    url: str = ""
    status: int = 200
    answer: str = '{"status": true}'
    got: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def fake() -> Iterator[Fake]:
    told = Fake()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            is_json = "json" in self.headers["Content-Type"]
            sent = json.loads(raw) if is_json else dict(urllib.parse.parse_qsl(raw))
            told.got.append({"path": self.path, "token": self.headers.get("Authorization", ""), **sent})
            self.send_response(told.status)
            self.end_headers()
            self.wfile.write(told.answer.encode())

        def log_message(self, *_words: object) -> None:
            """Nothing: tests keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: Fake) -> World:
    monkeypatch.setenv("OPS_STATE", str(tmp_path))
    found = worlds.real(BATUBARA)
    region = found.region
    gateways = (
        Gateway(name="grup", kind="telegram", url=fake.url, to=("-100123",), every=10),
        Gateway(name="wa", kind="fonnte", url=f"{fake.url}/send", to=("0811",), every=10),
    )
    alerting = region.alerting.model_copy(update={"gateways": gateways})
    found.__dict__["region"] = region.model_copy(update={"alerting": alerting})
    return found


@pytest.fixture
def queue(database: Database, world: World) -> Notices:
    return Notices.of(database, world)


def alert(
    name: str = "OfficeUnreachable", opd: str = "dinkes", status: str = "firing", **labels: str
) -> dict[str, Any]:
    named = {"alertname": name, "opd": opd, "device": "dinkes-rtr1", "instance": "10.41.1.1", **labels}
    return {"labels": named, "status": status, "startsAt": "2026-11-22T00:00:00Z",
            "annotations": {"summary": "router dinkes-rtr1 10.41.1.1 does not answer"}}  # fmt: skip


def test_name_and_state_leave_and_nothing_else(queue: Notices, fake: Fake, world: World) -> None:
    assert queue.take({"alerts": [alert()]}) == 2
    assert queue.turn() == 2
    name, token = world.region.opd("dinkes").name, world.secrets.get("alerts/gateway")
    telegram, fonnte = sorted(fake.got, key=lambda one: one["path"])
    assert (telegram["path"], telegram["chat_id"]) == (f"/bot{token}/sendMessage", "-100123")
    assert telegram["text"] == f"{name}: tidak terjangkau"
    assert (fonnte["target"], fonnte["message"], fonnte["token"]) == ("0811", f"{name}: tidak terjangkau", token)
    for told in fake.got:
        assert not [word for word in ("10.41", "rtr1", "annotations") if word in str(told)]


def test_what_is_repeated_is_sent_once(queue: Notices, fake: Fake) -> None:
    assert queue.take({"alerts": [alert(), alert(device="dinkes-rtr2")]}) == 2
    assert queue.take({"alerts": [alert()]}) == 0
    assert queue.turn() == 2
    assert queue.take({"alerts": [alert()]}) == 0
    assert queue.turn() == 0
    assert queue.take({"alerts": [alert(status="resolved")]}) == 2
    assert len(fake.got) == 2


def test_many_are_one_message_and_the_next_waits(queue: Notices, fake: Fake, world: World) -> None:
    codes = [opd.code for opd in world.region.opds][:20]
    queue.take({"alerts": [alert(opd=code) for code in codes]})
    assert queue.turn() == 2
    text = next(one["text"] for one in fake.got if "text" in one)
    assert len(text.splitlines()) == module.MOST_LINES + 1
    assert text.endswith("dan 8 lainnya")
    queue.take({"alerts": [alert("OfficeLinkDown")]})
    assert queue.turn() == 0, "not before `every` seconds have passed"


def test_a_gateway_that_is_down_is_tried_again_later(
    queue: Notices, fake: Fake, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST", 0.2)
    fake.status = 503
    queue.take({"alerts": [alert()]})
    assert queue.turn() == 0
    fake.status = 200
    end = time.monotonic() + 60
    while not queue.turn() and time.monotonic() < end:
        time.sleep(0.1)
    with database.read() as tx:
        rows = tx.all("SELECT sent, tries FROM notice WHERE sent IS NOT NULL")
    assert rows
    assert rows[0]["tries"] >= 2


@pytest.mark.parametrize(("status", "answer"), [(400, "no"), (200, '{"status":false,"reason":"invalid token"}')])
def test_what_a_gateway_refuses_for_good_is_not_sent_again(
    queue: Notices, fake: Fake, database: Database, world: World, status: int, answer: str
) -> None:
    fake.status, fake.answer = status, answer
    queue.take({"alerts": [alert()]})
    queue.turn()
    with database.read() as tx:
        lost = tx.all("SELECT gateway, lost FROM notice WHERE lost IS NOT NULL")
    assert "wa" in {row["gateway"] for row in lost}
    assert world.secrets.get("alerts/gateway") not in str(lost)


def test_nobody_there_is_told_without_the_token(queue: Notices, world: World, database: Database, fake: Fake) -> None:
    token = world.secrets.get("alerts/gateway")
    alerting = world.region.alerting
    away = tuple(one.model_copy(update={"url": "http://127.0.0.1:9"}) for one in alerting.gateways)
    region = world.region.model_copy(update={"alerting": alerting.model_copy(update={"gateways": away})})
    world.__dict__["region"] = region
    queue.take({"alerts": [alert()]})
    assert queue.turn() == 0
    with database.read() as tx:
        assert token not in str(tx.all("SELECT * FROM notice"))
    assert fake.got == []


def test_who_may_tell_and_what_is_no_alert(queue: Notices, world: World) -> None:
    monitor = str(world.region.group("monitoring")[0].address)
    app = Starlette(routes=routes(queue))

    def post(body: bytes, client: str = monitor) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app, client=(client, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://suite") as asking:
                return await asking.post("/hooks/alertmanager", content=body)

        return asyncio.run(ask())

    good = json.dumps({"alerts": [alert()]}).encode()
    assert post(good).text == "2 new\n"
    assert [post(bad).status_code for bad in (b"{", b"[1]", b" " * 5_000_000)] == [400, 400, 413]
    assert post(good, "10.41.1.50").status_code == 403


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OfficeWithoutTelephones", "telepon terganggu"),
        ("TelephonesMissing", "telepon terganggu"),
        ("CallsSoundBad", "telepon terganggu"),
        ("OfficeNotMeasured", "pemantauan terhenti"),
        ("OfficeLineBelowContract", "jaringan lebih lambat dari kontrak"),
    ],
)
def test_telephones_and_measuring_are_no_trouble_of_the_network(world: World, name: str, words: str) -> None:
    ((_, line),) = lines(world.region, [alert(name)])
    assert line == f"{world.region.opd('dinkes').name}: {words}"


def test_what_belongs_to_no_office_is_the_network(world: World) -> None:
    ((_, line),) = lines(world.region, [alert("FibreSegmentCut", opd="", segment="r1-01")])
    assert line == f"Jaringan {world.region.name}: gangguan kabel fiber"
    ((_, line),) = lines(world.region, [alert(status="resolved")])
    assert line.endswith("tidak terjangkau: pulih")
