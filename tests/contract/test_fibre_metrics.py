"""The plant's metrics over HTTP: a stand-in answers as Prometheus does, from series of the regency's own links."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from exporters import fibre_state
from exporters.fibre import look
from exporters.fibre_state import FibreState, names
from exporters.metrics import table
from ops.cli.main import main
from ops.errors import HostFailedError
from ops.fibre.trend import DAY
from ops.inventory.watched import watched
from ops.world import LOOPBACK, World

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
DIMMING = "kec-talawi"
NOW = 1_700_000_000


class Stand:
    """What Prometheus would hold: every link lit, but those in `dark`; one link's light falls through the months."""

    def __init__(self, world: World) -> None:
        self.dark: set[str] = set()
        self.links = list(watched(world.region.opds))

    def instant(self) -> list[dict[str, Any]]:
        rows = []
        for one in self.links:
            port = {**one.labels, "ifname": one.link.ifname}
            silent = one.opd.code in self.dark
            told = {"opd_poll_up": 1 - silent} | ({"opd_link_packet_loss_ratio": 1} if silent else {})
            told |= {} if silent else {"opd_interface_up": 1, "opd_optical_receive_power_dbm": -11.25}
            for name, value in told.items():
                labels = one.labels if name == "opd_poll_up" else port
                rows.append({"metric": {"__name__": name, **labels}, "value": [NOW, str(value)]})
        return rows

    def range(self, query: str) -> list[dict[str, Any]]:
        if not query.startswith("opd_optical_receive_power_dbm"):
            return []
        rows = []
        for one in self.links:
            fall = 0.05 if one.opd.code == DIMMING else 0.0
            values = [[NOW - (80 - day) * DAY, str(-9 - fall * day)] for day in range(80)]
            rows.append({"metric": {**one.labels, "ifname": one.link.ifname}, "values": values})
        return rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World("t", BATUBARA, tmp_path_factory.mktemp("s"), Path("key"), Path("known"), None, {"kind": LOOPBACK})


@pytest.fixture
def stand(world: World) -> Iterator[Stand]:
    holding = Stand(world)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urllib.parse.urlsplit(self.path)
            query = urllib.parse.parse_qs(asked.query)["query"][0]
            kind, rows = ("vector", holding.instant()) if asked.path.endswith("/query") else ("matrix", None)
            data = {"resultType": kind, "result": holding.range(query) if rows is None else rows}
            body = json.dumps({"status": "success", "data": data}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Nothing: tests keep quiet."""

    server = ThreadingHTTPServer(("127.40.0.14", 0), Answer)  # the monitoring server's address in a loopback twin
    world.facts["port 9090"] = str(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield holding
    server.shutdown()
    thread.join()
    server.server_close()
    world.facts.pop("port 9090")


def scrape(state: FibreState) -> dict[str, dict[tuple[str, ...], float]]:
    registry = CollectorRegistry()
    registry.register(state)
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for one in family.samples:
            assert set(one.labels) == set(table()[one.name].labels)
            assert family.documentation == table()[one.name].help
            found.setdefault(one.name, {})[tuple(one.labels[name] for name in table()[one.name].labels)] = one.value
    return found


def test_a_cut_is_told_with_the_links_behind_it(world: World, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fibre_state, "FRESH_SECONDS", 0)
    state = FibreState(lambda: world)
    assert "opd_fibre_segment_suspect" not in scrape(state)
    stand.dark = {one.opd.code for one in stand.links if one.link.drop.node == "pop-limapuluh"}
    found = scrape(state)
    assert found["opd_fibre_segment_suspect"] == {("r1-01",): 1.0, ("r1-02",): 1.0}
    assert {key[0] for key in found["opd_fibre_behind_cut"]} == stand.dark
    assert {key[-1] for key in found["opd_fibre_behind_cut"]} == {"r1-01", "r1-02"}
    assert found["opd_fibre_links"][("dark",)] == 22
    assert found["opd_fibre_margin_db"][("rsud", "kantor", "rsud-rtr1", "GigabitEthernet0/0/1")] == 23.0 - 11.25
    ((port, days),) = found["opd_fibre_days_to_threshold"].items()
    assert port[0] == DIMMING
    assert 200 < days < 300
    assert found.keys() | {"opd_fibre_segment_suspect", "opd_fibre_segment_whole"} == set(names())
    stand.dark = set()
    assert "opd_fibre_segment_suspect" not in scrape(state)


def test_without_prometheus_nothing_is_told(world: World, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fibre_state, "FRESH_SECONDS", 0)
    state = FibreState(lambda: world)
    assert scrape(state)
    world.facts["port 9090"] = "1"  # nobody listens there
    assert scrape(state) == {}
    with pytest.raises(HostFailedError):
        look(world)


def test_status_as_a_document(
    world: World, stand: Stand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.cli.fibre.world_of", lambda _args: world)
    stand.dark = {one.opd.code for one in stand.links if one.link.drop.node == "pop-limapuluh"}
    assert main(["fibre", "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["suspects"] == {"r1-01": 1.0, "r1-02": 1.0}
    assert told["segments"]["r1-01"] == "suspect"
    assert len(told["incidents"][0]["dark"]) == 22
    assert list(told["dimming"]) == [f"{DIMMING}/wan"]
    assert set(told["dimming_segments"]) == set()  # others ride on r2-06 and are steady
    assert main(["fibre", "status"]) == 0
    text = capsys.readouterr().out
    assert "╳  r1-01  2.1 km  SUSPECT 100%" in text
    assert "cut: r1-01 and r1-02" in text
    stand.dark = set()
    assert main(["fibre", "status"]) == 0
    assert "nothing is dark and no segment is suspected" in capsys.readouterr().out


def test_what_if_names_the_offices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fibre", "what-if", "--cut", "r1-03", "-i", str(BATUBARA), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["fate"] for one in told["links"]} == {"detour"}
    assert "kec-air-putih/wan" in {one["link"] for one in told["links"]}
    assert main(["fibre", "what-if", "--cut", "r9-99", "-i", str(BATUBARA)]) == 2
    assert "no segment r9-99" in capsys.readouterr().err
