"""netmiko's real drivers against devices on 127.0.0.0/8 that answer as recorded: budget, patience, one page for all."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cli_rig import ONE, ROOT, device, links
from snmp_replay import COMMUNITY, replaying

from exporters.breaker import Patience
from exporters.cli_optics import Budget, CliOptics
from exporters.cli_readers import CliReaders
from exporters.metrics import Sample
from exporters.service import Service
from exporters.sheet import page
from ops.catalogue.cli.platform import names, platform
from ops.inventory.watched import Watched
from ops.system.device_cli import DeviceLogin
from ops.system.snmprec import read
from ops.system.sockets import listen_tcp
from ops.world import LOOPBACK, World

PATIENCE = 120.0  # seconds; a busy machine


def until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lights(samples: Iterator[Sample]) -> set[tuple[str, str, float]]:
    return {(one.name, dict(one.labels)["ifname"], one.value) for one in samples if one.name.startswith("opd_optical_")}


def replace_all(one: Watched, model: str, ifname: str) -> Watched:
    """The link as it is on a router of another model, at 10.0.0.1: 127.0.0.1 in a loopback twin."""
    router = one.router.model_copy(update={"model": model, "address": IPv4Address("10.0.0.1")})
    return replace(one, router=router, link=one.link.model_copy(update={"ifname": ifname}))


LIGHT = {  # by port, lane, ONU and side
    "cisco_ios": {("GigabitEthernet1/0/25", "", "", ""): -21.4},
    "huawei_olt": {
        ("GPON 0/1/3", "", "0", ""): -19.83,
        ("GPON 0/1/3", "", "0", "olt"): -22.37,
        ("GPON 0/1/3", "", "1", ""): -24.1,
        ("GPON 0/1/3", "", "1", "olt"): -26.58,
    },
    "huawei_vrp": {
        ("GigabitEthernet0/0/1", "", "", ""): -11.12,
        ("40GE0/0/2", "1", "", ""): -8.64,
        ("40GE0/0/2", "3", "", ""): -9.1,
        ("40GE0/0/2", "4", "", ""): -9.4,
    },
    "mikrotik_routeros": {("sfp1", "", "", ""): -18.734},
    "ubiquiti_edgeswitch": {("0/49", "", "", ""): -14.465},
    "zte_olt": {
        ("gpon-olt_1/2/3", "", "1", ""): -19.788,
        ("gpon-olt_1/2/3", "", "1", "olt"): -23.11,
        ("gpon-olt_1/2/3", "", "2", ""): -26.198,
    },
}
DARK = {"cisco_ios": "Te1/1/1", "mikrotik_routeros": "sfp-sfpplus4", "ubiquiti_edgeswitch": "0/50"}


def test_every_platform_is_read_over_real_ssh(tmp_path: Path) -> None:
    """All at once, as the exporter does: what the drivers need to be at home, the way into a board and out again."""
    with ExitStack() as open_devices, ThreadPoolExecutor(len(names())) as pool:
        readers = {}
        for name in names():
            (tmp_path / name).mkdir()
            here = open_devices.enter_context(device(name, tmp_path / name))
            ports = {place[0] for place in LIGHT[name]} | ({DARK[name]} if name in DARK else set())
            readers[name] = here.reader(links(*sorted(ports)), Budget(seconds=120))
        went = dict(zip(readers, pool.map(CliOptics.read, readers.values()), strict=True))
    assert went == dict.fromkeys(names(), True)
    for name, reader in readers.items():
        found, dark = {}, set()
        for one in reader.samples():
            labels = {"lane": "", "onu": "", "side": ""} | dict(one.labels)
            if one.name == "opd_optical_receive_power_dbm":
                found[labels["ifname"], labels["lane"], labels["onu"], labels["side"]] = one.value
            elif one.name == "opd_optical_rx_loss" and one.value == 1 and not labels["lane"]:
                dark.add(labels["ifname"])
        assert found == LIGHT[name]
        assert dark == ({DARK[name]} if name in DARK else set())


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_reading_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    """While a device sits on an answer, what was read before is served, and no second reading begins."""
    hold, clock = threading.Event(), Clock()
    hold.set()
    with device("ubiquiti_edgeswitch", tmp_path, hold) as here, ThreadPoolExecutor(1) as pool:
        reader = here.reader(links("0/49", "0/50"), Budget(seconds=50, every=60), clock)
        assert reader.read()
        before, asked = lights(reader.samples()), len(here.asked)
        hold.clear()
        clock.now += 61
        assert reader.refresh(pool)
        until(lambda: len(here.asked) > asked)
        assert lights(reader.samples()) == before
        assert not reader.refresh(pool)
        hold.set()
    assert lights(reader.samples()) == before
    assert ("opd_optical_receive_power_dbm", "0/49", -14.465) in before
    assert ("opd_optical_rx_loss", "0/50", 1.0) in before
    assert not any(name == "opd_optical_receive_power_dbm" and port == "0/50" for name, port, _ in before)


def test_a_reading_that_was_dropped_is_asked_for_again(tmp_path: Path) -> None:
    """As when the inventory is taken up anew while readings wait for their turn."""
    clock, hold, wait = Clock(), threading.Event(), threading.Event()
    with device("ubiquiti_edgeswitch", tmp_path) as here, ThreadPoolExecutor(1) as after:
        reader = here.reader(links("0/49"), Budget(seconds=60, every=60), clock)
        with ThreadPoolExecutor(1) as before:
            before.submit(lambda: (hold.set(), wait.wait(PATIENCE)))
            assert hold.wait(PATIENCE)
            assert reader.refresh(before)
            before.shutdown(wait=False, cancel_futures=True)
            wait.set()
        clock.now += 61
        assert reader.refresh(after)
        after.submit(int).result()
    assert len(here.logins) == 1
    assert reader.went == 1


def test_a_device_that_is_too_slow_costs_its_budget_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hold = threading.Event()
    with device("ubiquiti_edgeswitch", tmp_path, hold) as here:
        reader = here.reader(links("0/49"), Budget(seconds=6))
        with caplog.at_level(logging.WARNING):
            assert not reader.read()
        hold.set()
    assert "sw1: SSH:" in caplog.text
    assert list(lights(reader.samples())) == []


def test_logins_are_few(tmp_path: Path) -> None:
    clock = Clock()
    with device("huawei_vrp", tmp_path) as here, ThreadPoolExecutor(1) as pool:
        reader = here.reader(links("GigabitEthernet0/0/1"), Budget(seconds=120, every=300), clock)
        for _ in range(40):  # a poll every 15 s for ten minutes
            reader.refresh(pool)
            pool.submit(int).result()  # what was begun has ended
            clock.now += 15
    assert len(here.logins) == 2


def test_a_device_that_is_away_is_left_alone_and_then_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    with closing(listen_tcp("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
    login = DeviceLogin("sw1", "127.0.0.1", "huawei", "kominfo", "right-word", tmp_path / "known", port)
    budget = Budget(every=60, patience=Patience(failures=3, pause=600, longest=1800))
    reader = CliOptics(login, platform("huawei_vrp"), links("GigabitEthernet0/0/1"), budget=budget, clock=clock)
    tries = []
    with ThreadPoolExecutor(1) as pool, caplog.at_level(logging.WARNING):
        for _ in range(80):
            if reader.refresh(pool):
                tries.append(clock.now - 1000)
            pool.submit(int).result()
            clock.now += 60
    assert tries == [0, 60, 120, 720, 1920, 3720]  # three tries, then 600 s, 1200 s, and never more than 1800 s
    assert "refused" in caplog.text
    assert "right-word" not in caplog.text
    assert reader.suspended


def test_a_password_that_is_wrong_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with device("huawei_vrp", tmp_path) as here, caplog.at_level(logging.DEBUG):
        here.login = replace(here.login, password="wrong-word")
        assert not here.reader(links("GigabitEthernet0/0/1"), Budget()).read()
    assert "user or password refused" in caplog.text
    assert "wrong-word" not in caplog.text


def test_a_poll_is_told_the_light_of_a_device_whose_snmp_tells_none(tmp_path: Path) -> None:
    """The first poll asks for a reading and does not wait for it; the light stands in a later one."""
    with device("mikrotik_routeros", tmp_path) as here:
        inventory = tmp_path / "inventory"
        shutil.copytree(ROOT / "inventories/batubara", inventory)
        world = World("t", inventory, tmp_path, tmp_path / "key", tmp_path / "known", facts={"kind": LOOPBACK})
        world.facts["port 22"] = str(here.login.port)
        world.secrets.put(world.region.access.router_secret, "right-word")
        router = replace_all(ONE, "mikrotik_routeros", "sfp1")
        readers = CliReaders()
        readers.take_up(world, {"rtr1": [router]})
        beside = readers.beside("rtr1")
        assert beside
        assert beside() is None
        until(lambda: beside() is not None)
        light = beside()
        assert light
        told = page([light])
        metrics = {one.name: one for one in readers.collect()}
        readers.close()
    assert 'ifname="sfp1"} -18.734' in told
    assert told.count("# TYPE opd_optical_receive_power_dbm") == 1
    assert [one.value for one in metrics["opd_cli_devices"].samples] == [1]
    assert {one.labels["result"]: one.value for one in metrics["opd_cli_readings"].samples} == {"ok": 1, "failed": 0}


EDGESWITCH = """1.3.6.1.2.1.1.1.0|4|EdgeSwitch 24-Port 250W, 1.9.1
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.4413
1.3.6.1.2.1.1.3.0|67|1000
1.3.6.1.2.1.2.2.1.2.49|4|0/49
1.3.6.1.2.1.2.2.1.8.49|2|1
1.3.6.1.2.1.31.1.1.1.1.49|4|0/49
1.3.6.1.2.1.31.1.1.1.6.49|70|1234567
1.3.6.1.2.1.31.1.1.1.10.49|70|7654321
"""


def test_the_exporter_serves_both_as_one_page(tmp_path: Path) -> None:
    """Counters over SNMP, light over SSH, from one device; the first page does not wait for the light."""
    (tmp_path / "inventory/opd").mkdir(parents=True)
    for name in ("region.yml", "hosts.yml", "fibre.yml", "drc.yml", "opd/dinkes.yml"):
        text = (ROOT / "inventories/batubara" / name).read_text(encoding="utf-8")
        text = text.replace("model: mikrotik_routeros", "model: ubiquiti_edgeswitch")
        text = re.sub(r"(?m)^roster:\n(?:[ #].*\n)+", "", text)  # it names other offices
        (tmp_path / "inventory" / name).write_text(text.replace("ifname: sfp1", "ifname: 0/49"), encoding="utf-8")
    (tmp_path / "any.snmprec").write_text(EDGESWITCH, encoding="utf-8")
    world = World("t", tmp_path / "inventory", tmp_path, tmp_path / "key", tmp_path / "known", facts={"kind": LOOPBACK})
    world.secrets.put(world.region.access.snmp_secret, COMMUNITY)
    world.secrets.put(world.region.access.router_secret, "right-word")
    agent = replaying(read(tmp_path / "any.snmprec"), "127.41.1.1")
    with device("ubiquiti_edgeswitch", tmp_path, address="127.41.1.1") as here, agent as snmp_port:
        world.facts["port 22"] = str(here.login.port)
        first, later, everything = asyncio.run(_pages(Service(world, snmp_port)))
    assert "opd_interface_receive_bytes_total" in first
    assert "opd_optical_receive_power_dbm" not in first
    for text in (later, everything):
        assert re.search(r'opd_optical_receive_power_dbm{[^}]*ifname="0/49"} -14.465\n', text)
        assert text.count("# TYPE opd_optical_receive_power_dbm") == 1
        assert "opd_interface_receive_bytes_total" in text
    assert len(here.logins) == 1


async def _pages(service: Service) -> tuple[str, str, str]:
    """The first page of the device, one that has its light, and the page of all devices."""
    first = later = await service.probe("dinkes-rtr1") or ""
    async with asyncio.timeout(PATIENCE):
        while "opd_optical_receive_power_dbm" not in later:
            await asyncio.sleep(0.3)
            later = await service.probe("dinkes-rtr1") or ""
    everything = await service.probe_all()
    await service.close()
    service.jobs.close()
    return first, later, everything


def test_a_device_without_a_known_command_line_is_not_read(tmp_path: Path) -> None:
    readers = CliReaders()
    world = World("t", ROOT / "inventories/batubara", tmp_path, tmp_path / "key", tmp_path / "known")
    readers.take_up(world, {"sw1": [replace_all(ONE, "zyxel", "swp28")]})
    assert readers.beside("sw1") is None
    assert [one.value for metric in readers.collect() for one in metric.samples] == [0, 0, 0, 0]
    readers.close()
