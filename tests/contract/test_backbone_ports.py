"""Ports that belong to no office: declared in the inventory, polled over a real socket, told without a label opd."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator

import pytest
from exporter_place import place
from snmp_rig import FIRST, LIGHT, Box, Farm, farm

from exporters.discovery import discover
from exporters.service import Service
from ops.catalogue.device import device as profile
from ops.cli.discover import snmp_of
from ops.derive.monitoring import artifacts
from ops.world import World

DEVICE = "limapuluh-sw1"
FIBRE = f"""devices:
  - {{name: {DEVICE}, node: pop-limapuluh, model: mikrotik_routeros, address: {FIRST}}}
  - {{name: other-sw1, node: pop-air-putih, model: mikrotik_routeros, address: {FIRST + 1}, polled: false}}
segments:"""
SERIES = re.compile(r"^(\w+)\{(.*)\} (\S+)$")
SEGMENT_PORT = {"site": "pop-limapuluh", "device": DEVICE, "ifname": "sfp1", "segment": "r1-01"}
UPSTREAM_PORT = {"site": "pop-limapuluh", "device": DEVICE, "ifname": "sfp2"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = place(tmp_path_factory.mktemp("backbone"))
    changes = {
        "fibre.yml": [
            ("segments:", FIBRE),
            ("km: 2.1", f"km: 2.1\n    ports: [{{node: pop-limapuluh, device: {DEVICE}, ifname: sfp1}}]"),
            ("km: 9.1", "km: 9.1\n    ports: [{node: pop-air-putih, device: other-sw1, ifname: sfp1}]"),
        ],
        "region.yml": [("bandwidth: 1G", f"bandwidth: 1G\n    port: {{device: {DEVICE}, ifname: sfp2}}")],
        "opd/dinkes.yml": [("    lan:", f"    far: {{device: {DEVICE}, ifname: sfp3}}\n    lan:")],
    }
    for name, pairs in changes.items():
        path = made.inventory / name
        text = path.read_text(encoding="utf-8")
        for before, after in pairs:
            assert before in text
            text = text.replace(before, after, 1)
        path.write_text(text, encoding="utf-8")
    made.secrets.put("snmp/community", "public")
    return World(made.name, made.inventory, made.state, made.ssh_key, made.known_hosts)


@pytest.fixture
def boxes() -> Iterator[Farm]:
    with farm([Box()]) as made:
        yield made


def polled(world: World, boxes: Farm) -> tuple[str, list[dict[str, object]]]:
    """The device's page and what discovery says."""

    async def ask() -> tuple[str, list[dict[str, object]]]:
        service = Service(world, boxes.port)
        try:
            return await service.probe(DEVICE) or "", await service.groups()
        finally:
            await service.close()
            service.jobs.close()

    return asyncio.run(ask())


def series(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    found = [SERIES.fullmatch(line) for line in text.splitlines()]
    return [(dict(re.findall(r'(\w+)="([^"]*)"', one[2])), float(one[3])) for one in found if one and one[1] == name]


def test_named_ports_are_told_with_their_segment_and_never_an_office(world: World, boxes: Farm) -> None:
    text, _ = polled(world, boxes)
    assert 'opd="' not in text
    far = UPSTREAM_PORT | {"ifname": "sfp3"}
    up = series(text, "opd_interface_up")
    assert [labels for labels, _ in up] == [SEGMENT_PORT, UPSTREAM_PORT, far]
    assert {value for _, value in up} == {1.0}
    octets = series(text, "opd_interface_receive_bytes_total")
    assert octets == [(SEGMENT_PORT, 10**9 + 1), (UPSTREAM_PORT, 10**9 + 2), (far, 10**9 + 3)]
    (light, *_) = series(text, "opd_optical_receive_power_dbm")
    assert light == (SEGMENT_PORT, LIGHT["receive_power_dbm"])
    assert series(text, "opd_poll_up") == [({"site": "pop-limapuluh", "device": DEVICE}, 1.0)]
    assert not series(text, "opd_contract_download_bytes_per_second")
    assert not series(text, "opd_link_info")


def test_metrics_say_which_port_is_an_upstreams(world: World, boxes: Farm) -> None:
    async def own() -> str:
        service = Service(world, boxes.port)
        try:
            await service.groups()
            return (await service.metrics()).decode()
        finally:
            await service.close()
            service.jobs.close()

    told = series(asyncio.run(own()), "opd_upstream_port_info")
    assert told == [(UPSTREAM_PORT | {"upstream": "astinet"}, 1.0)]


def test_a_dark_port_is_down_and_has_no_power(world: World, boxes: Farm) -> None:
    boxes.boxes[0].light["sfp1"] = LIGHT | {"receive_power_dbm": None, "rx_loss": 1.0}
    text, _ = polled(world, boxes)
    assert (SEGMENT_PORT, 1.0) in series(text, "opd_optical_rx_loss")
    assert SEGMENT_PORT not in [labels for labels, _ in series(text, "opd_optical_receive_power_dbm")]
    assert UPSTREAM_PORT in [labels for labels, _ in series(text, "opd_optical_receive_power_dbm")]


def test_discovery_names_the_device_without_an_office_and_leaves_out_who_is_not_polled(
    world: World, boxes: Farm
) -> None:
    _, groups = polled(world, boxes)
    backbone = [group for group in groups if "opd" not in group["labels"]]  # type: ignore[operator]
    assert backbone == [{"targets": [str(FIRST)], "labels": {"site": "pop-limapuluh", "device": DEVICE}}]


def test_later_polls_are_one_packet_each(world: World, boxes: Farm) -> None:
    async def count() -> int:
        service = Service(world, boxes.port)
        try:
            await service.probe(DEVICE)
            await service.probe_all()  # settles the width of counters
            before = boxes.packets[0]
            await service._cycle.run()
            return boxes.packets[0] - before
        finally:
            await service.close()
            service.jobs.close()

    assert asyncio.run(count()) == 1


def test_a_silent_device_says_so_and_makes_nothing_up(world: World) -> None:
    with farm([Box(versions=())]) as nobody:
        text, _ = polled(world, nobody)
    assert series(text, "opd_poll_up") == [({"site": "pop-limapuluh", "device": DEVICE}, 0.0)]
    assert not series(text, "opd_interface_up")


def test_prometheus_is_told_of_it_in_a_file_of_its_own(world: World) -> None:
    files = {one.key: json.loads(one.content) for one in artifacts(world.region)}
    (named,) = [key for key in files if key.endswith("/_region.json")]
    assert files[named] == [{"targets": [str(FIRST)], "labels": {"site": "pop-limapuluh", "device": DEVICE}}]


def test_ops_discover_looks_at_it_by_its_name(world: World, boxes: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "reach", lambda _world, address, _port: (address, boxes.port))
    found = asyncio.run(discover(snmp_of(world, DEVICE)[0]))
    assert found.profile is profile("mikrotik_routeros")
    assert {"sfp1", "sfp2"} <= {port.ifname for port in found.ports.values()}
