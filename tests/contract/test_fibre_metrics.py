"""The plant's metrics over HTTP: a stand-in answers as Prometheus does, from series of the regency's own links."""

from __future__ import annotations

import json
import shutil
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
FAR = {"site": "pop-talawi", "device": "talawi-sw1", "ifname": "sfp9"}  # the other end of its fibre
RING_PORTS = [  # both look into r2-05
    {"site": "pop-talawi", "device": "talawi-sw1", "ifname": "sfp1", "segment": "r2-05"},
    {"site": "pop-tanjung-tiram", "device": "tiram-sw1", "ifname": "sfp1", "segment": "r2-05"},
]
NOW = 1_700_000_000


class Stand:
    """What Prometheus would hold: every link lit, but those in `dark`; the light of some falls through the months.

    `far`: dB a day that the far end's module fades, None: nobody measures it · `backbone`: rows of backbone ports.
    """

    def __init__(self, world: World) -> None:
        self.dark: set[str] = set()
        self.dimming, self.far = {DIMMING}, None  # type: tuple[set[str], float | None]
        self.backbone: list[dict[str, Any]] = []
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
        return rows + self.backbone

    def ports(self, **told: float) -> None:
        """What the two ports of the ring tell now."""
        self.backbone = [
            {"metric": {"__name__": name, **port}, "value": [NOW, str(value)]}
            for port in RING_PORTS
            for name, value in told.items()
        ]

    def range(self, query: str) -> list[dict[str, Any]]:
        if query.startswith("opd_optical_transmit_power_dbm") and FAR["device"] in query and self.far is not None:
            values = [[NOW - (80 - day) * DAY, str(-5 - self.far * day)] for day in range(80)]
            return [{"metric": FAR, "values": values}]
        if not query.startswith("opd_optical_receive_power_dbm"):
            return []
        rows = []
        for one in self.links:
            fall = 0.05 if one.opd.code in self.dimming else 0.0
            values = [[NOW - (80 - day) * DAY, str(-9 - fall * day)] for day in range(80)]
            rows.append({"metric": {**one.labels, "ifname": one.link.ifname}, "values": values})
        return rows


def declare(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("s")
    inventory = shutil.copytree(BATUBARA, folder / "batubara")
    declare(inventory / "fibre.yml", "segments:", "devices:\n" + "".join(
        f"  - {{name: {port['device']}, node: {port['site']}, model: mikrotik_routeros}}\n" for port in RING_PORTS
    ) + "segments:")  # fmt: skip
    ends = ", ".join(f"{{node: {one['site']}, device: {one['device']}, ifname: sfp1}}" for one in RING_PORTS)
    declare(inventory / "fibre.yml", "  - name: r2-05\n", f"  - name: r2-05\n    ports: [{ends}]\n")
    far = f"    far: {{device: {FAR['device']}, ifname: {FAR['ifname']}}}\n"
    declare(inventory / f"opd/{DIMMING}.yml", "    lan:", f"{far}    lan:")
    return World("t", inventory, folder, Path("key"), Path("known"), None, {"kind": LOOPBACK})


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
    assert (port[0], port[-2:]) == (DIMMING, ("fibre_or_far_module", ""))  # nobody measures what is sent
    assert 200 < days < 300
    assert found.keys() | {"opd_fibre_segment_suspect", "opd_fibre_segment_whole"} == set(names())
    stand.dark = set()
    assert "opd_fibre_segment_suspect" not in scrape(state)


@pytest.mark.parametrize(("fades", "cause"), [(0.0, "fibre"), (0.05, "far_module")])
def test_the_far_ends_light_says_whether_fibre_or_module_dims(
    world: World, stand: Stand, monkeypatch: pytest.MonkeyPatch, fades: float, cause: str
) -> None:
    monkeypatch.setattr(fibre_state, "FRESH_SECONDS", 0)
    stand.far = fades
    ((port, _),) = scrape(FibreState(lambda: world))["opd_fibre_days_to_threshold"].items()
    assert (port[0], port[-2:]) == (DIMMING, (cause, ""))


def test_links_that_dim_on_one_segment_name_it(world: World, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fibre_state, "FRESH_SECONDS", 0)
    on_it = {one.opd.code for one in stand.links if "r2-01" in one.link.rides}
    assert len(on_it) > 1
    stand.dimming = on_it | {"rsud"}
    days = scrape(FibreState(lambda: world))["opd_fibre_days_to_threshold"]
    assert {port[0]: port[-1] for port in days} == dict.fromkeys(on_it, "r2-01") | {"rsud": ""}


def test_a_cut_of_a_ring_that_darkens_nobody_shows_in_backbone_ports(
    world: World, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fibre_state, "FRESH_SECONDS", 0)
    state = FibreState(lambda: world)
    stand.ports(opd_interface_up=1, opd_optical_receive_power_dbm=-9)
    found = scrape(state)
    assert "opd_fibre_segment_suspect" not in found
    assert ("r2-05",) in found["opd_fibre_segment_whole"]
    stand.ports(opd_interface_up=0, opd_optical_rx_loss=1)
    found = scrape(state)
    ((segment, share),) = found["opd_fibre_segment_suspect"].items()
    assert segment == ("r2-05",)
    assert share > 0.9
    assert "opd_fibre_behind_cut" not in found
    stand.ports(opd_poll_up=0)  # a device that is silent says nothing of its ports
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
