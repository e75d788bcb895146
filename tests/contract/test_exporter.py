"""The exporter over HTTP, polling the twin's own agents on 127.0.0.x: names, labels, and no fake values."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from exporter_place import CALL, OFFICES, place
from past_runs import whole
from prometheus_client.parser import text_string_to_metric_families

from exporters import exchange
from exporters.device import FRESH_SECONDS
from exporters.metrics import OPTIONAL, table
from exporters.registry import collectors
from exporters.service import Service, application
from exporters.shards import Shard
from exporters.throughput import FIGURES
from ops.errors import HostFailedError
from ops.jobs.throughput import keep
from ops.runs.tables import open_database
from ops.system import http
from ops.system.sockets import listen_tcp, listen_udp
from ops.twin.agent_process import Agents
from ops.twin.records import Faults, write_faults
from ops.world import World

ROOT = Path(__file__).parents[2]
SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


def address(world: World, code: str) -> str:
    return str(world.region.opd(code).routers[0].address)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return place(tmp_path_factory.mktemp("exporter"))


@pytest.fixture(scope="module")
def agents(world: World) -> Iterator[Agents]:
    with listen_udp(address(world, "dinkes"), 0) as free:
        port = free.getsockname()[1]
    serving, ended = Agents(world, snmp=port, ssh=0), threading.Event()
    serving.refresh()
    thread = threading.Thread(target=serving.serve, args=(ended.is_set,))
    thread.start()
    yield serving
    ended.set()
    thread.join()
    serving.close()


@pytest.fixture(scope="module")
def url(world: World, agents: Agents) -> Iterator[str]:
    service = Service(dataclasses.replace(world), snmp_port=agents.ports["dinkes-rtr1"][0])
    listening = listen_tcp("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application(service), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def probe(url: str, target: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by metric and its label values."""
    found = {}
    for line in http.get(f"{url}/probe", {"target": target}).decode().splitlines():
        if not line.startswith("#"):
            name, labels, value = SERIES.fullmatch(line).groups()  # type: ignore[union-attr]
            pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            assert tuple(pairs) == tuple(one for one in table()[name].labels if one not in OPTIONAL), line
            found[name, tuple(pairs.values())] = float(value)
    return found


def backed_up(state: Path) -> None:
    """A job database with one backup of one office that went well."""
    database = open_database(state)
    whole(database)
    database.close()


def names(found: dict[tuple[str, tuple[str, ...]], float]) -> set[str]:
    return {name for name, _ in found}


def test_what_is_served_is_what_the_table_says(url: str, world: World) -> None:
    (world.state / "calls").mkdir()
    (world.state / "calls/dinkes.rsud.json").write_text(json.dumps(CALL), encoding="utf-8")
    backed_up(world.state)
    keep(world.state, {"opd": "dinkes", "at": 1.0} | dict.fromkeys(FIGURES, 5e7))
    (world.state / "drift").mkdir()
    (world.state / "drift/dc-web.json").write_text(
        '{"host": "dc-web", "at": 1, "unknown": false, "differ": {"_region": 2}}'
    )
    with contextlib.suppress(HostFailedError):
        http.get(f"{url}/probe", {"target": "nosuch"})
    probed = names(probe(url, "dinkes-rtr1")) | names(probe(url, "rsud-rtr1")) | names(probe(url, "disdik-rtr1"))
    own = http.get(f"{url}/metrics").decode()
    told = set(re.findall(r"^(opd_\w+)[{ ]", own, re.MULTILINE)) - probed
    # see test_fibre_metrics (needs Prometheus), test_exchange_metrics (needs an exchange), test_drill_metrics,
    # test_coverage, test_between (off by default), test_backbone_ports (declared nowhere here)
    recovery = ("opd_backup_", "opd_drill_", "opd_escrow_", "opd_evidence_", "opd_prune_", "opd_repo_", "opd_service_")
    beside = ("opd_fibre_", "opd_between_", "opd_upstream_port_", *recovery, *exchange.OURS)
    elsewhere = {name for name in table() if name.startswith(beside)}
    assert probed | told == set(table()) - elsewhere
    for name in told:
        assert f"# HELP {name} {table()[name].help}\n# TYPE {name} {table()[name].type}\n" in own
        for labels in re.findall(rf"^{name}\{{(.*)\}} ", own, re.MULTILINE):
            assert set(re.findall(r'(\w+)="', labels)) == set(table()[name].labels)


@pytest.mark.parametrize(("code", "port"), [("dinkes", "sfp1"), ("rsud", "GigabitEthernet0/0/1")])
def test_values_are_the_kernels_and_the_plants_own(url: str, code: str, port: str) -> None:
    found = probe(url, f"{code}-rtr1")
    key = (code, "kantor", f"{code}-rtr1", port)
    assert found["opd_interface_up", key] == 1
    assert found["opd_interface_speed_bytes", key] == 125e6
    assert found["opd_interface_receive_bytes_total", key] > 0  # the loopback's own counter
    assert found["opd_optical_rx_loss", key] == 0
    expected = found["opd_optical_budget_receive_power_dbm", key]
    assert found["opd_optical_receive_power_dbm", key] == pytest.approx(expected, abs=0.02)
    assert found["opd_contract_download_bytes_per_second", key] == {"dinkes": 6.25e6, "rsud": 12.5e6}[code]
    assert 0 < found["opd_link_latency_seconds", key] < 1
    assert found["opd_poll_up", key[:3]] == 1


def test_a_poll_is_one_packet(url: str) -> None:
    first = probe(url, "dinkes-rtr1")
    time.sleep(2.1)  # beyond the time that polls share
    second = probe(url, "dinkes-rtr1")
    key = ("opd_poll_packets_sent", ("dinkes", "kantor", "dinkes-rtr1"))
    assert second[key] - first[key] == 1


def test_a_device_is_found_by_its_address_too(url: str, world: World) -> None:
    assert names(probe(url, address(world, "dinkes"))) == names(probe(url, "dinkes-rtr1"))


def test_a_silent_device_says_so_and_makes_nothing_up(url: str) -> None:
    found = probe(url, "disdik-rtr1")
    assert found["opd_poll_up", ("disdik", "kantor", "disdik-rtr1")] == 0
    assert not any(name.startswith(("opd_interface_", "opd_optical_r")) for name in names(found))
    assert "opd_contract_download_bytes_per_second" in names(found)


def test_silent_devices_hold_nobody_up(world: World, agents: Agents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporters.service.IN_FLIGHT", 1)
    port = agents.ports["dinkes-rtr1"][0]

    async def first(service: Service) -> str:
        await service.probe("disdik-rtr1")
        await asyncio.sleep(FRESH_SECONDS)
        names = {asyncio.create_task(service.probe(name)): name for name in ("disdik-rtr1", "dinkes-rtr1")}
        done, _ = await asyncio.wait(names, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(names)
        return names[done.pop()]

    with listen_udp(address(world, "disdik"), port):  # takes questions and never answers
        assert asyncio.run(first(Service(dataclasses.replace(world), snmp_port=port))) == "dinkes-rtr1"


def test_an_unknown_device_is_404(url: str) -> None:
    with pytest.raises(HostFailedError, match="HTTP 404: no such device"):
        http.get(f"{url}/probe", {"target": "nosuch"})


def test_dark_fibre_gives_no_power_and_dim_fibre_less(url: str, world: World) -> None:
    key = ("rsud", "kantor", "rsud-rtr1", "GigabitEthernet0/0/1")
    before = probe(url, "rsud-rtr1")["opd_optical_receive_power_dbm", key]
    try:
        write_faults(world.state, Faults(dimmed={"rsud-rtr1": 4.0}))
        time.sleep(3.2)
        assert probe(url, "rsud-rtr1")["opd_optical_receive_power_dbm", key] == pytest.approx(before - 4.0, abs=0.02)
        write_faults(world.state, Faults(dimmed={"rsud-rtr1": 40.0}))
        time.sleep(3.2)
        dark = probe(url, "rsud-rtr1")
        assert ("opd_optical_receive_power_dbm", key) not in dark
        assert dark["opd_optical_rx_loss", key] == 1
    finally:
        write_faults(world.state, Faults())


def test_discovery_names_every_router_with_its_office(url: str, world: World) -> None:
    groups = http.get_json(f"{url}/sd")
    assert {group["labels"]["opd"] for group in groups} == set(OFFICES)
    assert {group["targets"][0] for group in groups} == {address(world, code) for code in OFFICES}
    assert groups[0]["labels"] == {
        "opd": "dinkes",
        "site": "kantor",
        "device": "dinkes-rtr1",
        "kecamatan": "Lima Puluh",
    }


def test_one_request_brings_every_device_grouped_by_metric(url: str) -> None:
    http.get(f"{url}/probe-all")
    text = http.get(f"{url}/probe-all").decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    order = [SERIES.fullmatch(line).group(1) for line in lines]  # type: ignore[union-attr]
    groups = [name for name, _ in itertools.groupby(order)]
    assert len(groups) == len(set(groups)), "all lines of a metric stand together"
    assert text.count("# TYPE opd_poll_up ") == 1
    up = {line.split('opd="')[1].split('"')[0]: line[-1] for line in lines if line.startswith("opd_poll_up{")}
    assert up == {"dinkes": "1", "rsud": "1", "disdik": "0"}
    assert {family.name for family in text_string_to_metric_families(text)} >= {"opd_poll_up", "opd_link_info"}
    alone = http.get(f"{url}/probe", {"target": "dinkes-rtr1"}).decode()
    for line in alone.splitlines():
        if line.startswith(("opd_contract", "opd_link_info", "opd_interface_speed", "opd_optical_budget")):
            assert line in lines


def test_shards_share_the_devices_and_discovery_says_whose_they_are(world: World) -> None:
    async def shared(number: int) -> list[dict[str, Any]]:
        service = Service(dataclasses.replace(world), shard=Shard(number, 2))
        groups = await service.groups()
        assert set(service._devices) == {group["labels"]["device"] for group in groups}  # type: ignore[index]
        await service.close()
        return groups

    found = [asyncio.run(shared(number)) for number in (1, 2)]
    assert sorted(group["labels"]["opd"] for groups in found for group in groups) == sorted(OFFICES)
    assert [{group["labels"]["__meta_shard"] for group in groups} for groups in found if groups] == [
        {f"{number}/2"} for number, groups in enumerate(found, 1) if groups
    ]


def test_it_is_alive(url: str) -> None:
    assert http.answers(f"{url}/healthz")


def test_every_collector_is_found_by_its_file() -> None:
    files = {path.stem for path in (ROOT / "exporters/collectors").glob("[a-z]*.py")} - {"contract"}
    assert len(collectors()) == len(files)
