"""Contracts on the twin's routers and what is measured of them: real namespaces, real counters, real netmiko."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import world as worlds
from ops.derive.router_queue import artifacts
from ops.fibre.budget import budget
from ops.plan.change import Change
from ops.progress import silent
from ops.system import http, netns
from ops.targets.router_queue import TARGET
from ops.twin import agent_process, faults, lifecycle
from ops.twin.records import Faults, write_faults
from ops.twin.traffic import Flow, send
from ops.world import World

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
OFFICES = ["dinkes", "rsud"]  # a MikroTik and a Huawei
NAME = "meter"
SWITCH, RING = "limapuluh-sw1", {"r1-01": "XGigabitEthernet0/0/1", "r1-02": "XGigabitEthernet0/0/2"}


def declare_backbone(fibre: Path) -> None:
    """A switch at pop-limapuluh whose two ports look into the ring."""
    text = fibre.read_text(encoding="utf-8")
    for segment, ifname in RING.items():
        port = f"    ports: [{{node: pop-limapuluh, device: {SWITCH}, ifname: {ifname}}}]\n"
        text = text.replace(f"  - name: {segment}\n", f"  - name: {segment}\n{port}", 1)
    device = f"devices:\n  - {{name: {SWITCH}, node: pop-limapuluh, model: huawei_vrp}}\nsegments:"
    fibre.write_text(text.replace("segments:", device, 1), encoding="utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A twin of two offices and no servers."""
    state = tmp_path_factory.mktemp("meter")
    before = os.environ.get("OPS_STATE")
    os.environ["OPS_STATE"] = str(state)
    inventory = state / "inventories/batubara"
    inventory.parent.mkdir()
    subprocess.run(["cp", "-a", str(ROOT / "inventories/batubara"), str(inventory)], check=True)
    declare_backbone(inventory / "fibre.yml")
    try:
        yield lifecycle.up(inventory, NAME, silent, [], OFFICES)
    finally:
        lifecycle.down(NAME, silent)
        os.environ.pop("OPS_STATE")
        if before is not None:
            os.environ["OPS_STATE"] = before


@pytest.fixture(scope="module")
def url(world: World) -> Iterator[str]:
    """`ops exporter serve` as a process of its own, on the station's declared address."""
    child = subprocess.Popen(
        [sys.executable, "-m", "ops.cli.main", "exporter", "serve", "--twin", NAME],
        cwd=ROOT, env={**os.environ, "OPS_STATE": str(world.state.parents[1])},
    )  # fmt: skip
    base = f"http://{world.region.station.address}:{world.region.station.exporter_port}"
    try:
        end = time.monotonic() + 30
        while not inside(world, lambda: http.answers(f"{base}/healthz")):
            assert child.poll() is None
            assert time.monotonic() < end
            time.sleep(0.2)
        yield base
    finally:
        child.terminate()
        assert child.wait(15) == 0


def inside(world: World, ask):  # type: ignore[no-untyped-def]
    with netns.inside(world.station or ""):
        return ask()


def value(world: World, url: str, device: str, metric: str) -> float | None:
    text = inside(world, lambda: http.get(f"{url}/probe", {"target": device})).decode()
    found = [line for line in text.splitlines() if line.startswith(f"{metric}{{")]
    return float(found[0].rpartition(" ")[2]) if found else None


def changes(world: World, found: dict[str, str]) -> list[Change]:
    return [
        Change(one.kind, one.key, found.get(one.key), one.content, one.because)
        for one in artifacts(world.region)
        if one.scope in OFFICES and found.get(one.key) != one.content
    ]


def here(world: World) -> World:
    """The same world with the declarations of those two offices only, so that nothing waits for absent routers."""
    region = world.region
    few = World(world.name, world.inventory, world.state, world.ssh_key, world.known_hosts, world.station)
    few.__dict__["region"] = region.model_copy(update={"opds": tuple(o for o in region.opds if o.code in OFFICES)})
    return few


def test_contracts_are_set_read_back_changed_and_removed(world: World) -> None:
    few = here(world)
    first = changes(few, TARGET.read(few, []).contents)
    assert [result.error for result in TARGET.applier.apply(few, first, silent)] == [""] * len(OFFICES)
    reading = TARGET.read(few, [])
    assert (changes(few, reading.contents), reading.failed) == ([], {})
    kept = json.loads((world.state / "devices/dinkes-rtr1.json").read_text())
    assert kept["kominfo-dinkes.wan"]["max-limit"] == "50M/50M"
    shown = subprocess.run(["tc", "-n", f"{NAME}.dinkes-rtr1", "qdisc"], capture_output=True, text=True, check=True)
    assert shown.stdout.count("rate 50Mbit") == 2  # download towards the LAN, upload towards the fibre

    key = "dinkes-rtr1/dinkes.wan"
    gone = Change("router-queue", key, reading.contents[key], None, "test:1")
    assert [result.error for result in TARGET.applier.apply(few, [gone], silent)] == [""]
    assert key not in TARGET.read(few, []).contents
    back = Change("router-queue", key, None, reading.contents[key], "test:1")
    assert [result.error for result in TARGET.applier.apply(few, [back], silent)] == [""]
    assert TARGET.read(few, []).contents == reading.contents


def test_a_contract_holds_for_real_traffic(world: World) -> None:
    few = here(world)
    TARGET.applier.apply(few, changes(few, TARGET.read(few, []).contents), silent)
    carried = send(world, "dinkes", Flow(upload=80_000_000, download=80_000_000, seconds=3))
    # The bucket's burst and the packets in flight at the end come on top of the rate.
    assert 40e6 < carried.arrived_upload < 55e6
    assert 40e6 < carried.arrived_download < 55e6


def test_traffic_through_an_office_is_that_offices_bandwidth(world: World, url: str) -> None:
    metric = "opd_interface_transmit_bytes_total"
    before = {code: value(world, url, f"{code}-rtr1", metric) or 0 for code in OFFICES}
    carried = send(world, "rsud", Flow(upload=8_000_000, seconds=4))
    after = {code: value(world, url, f"{code}-rtr1", metric) or 0 for code in OFFICES}
    assert (after["rsud"] - before["rsud"]) * 8 / 4 == pytest.approx(carried.arrived_upload, rel=0.05)
    assert after["dinkes"] - before["dinkes"] < 100_000


def test_dim_fibre_shows_in_the_light_and_is_mended(world: World, url: str) -> None:
    metric = "opd_optical_receive_power_dbm"
    clean = value(world, url, "dinkes-rtr1", metric)
    assert clean == pytest.approx(value(world, url, "dinkes-rtr1", "opd_optical_budget_receive_power_dbm"), abs=0.01)
    write_faults(world.state, Faults(dimmed={"dinkes-rtr1": 5.0}))
    try:
        end = time.monotonic() + 15
        while (dim := value(world, url, "dinkes-rtr1", metric)) == clean and time.monotonic() < end:
            time.sleep(1)
        assert dim == pytest.approx((clean or 0) - 5.0, abs=0.01)
    finally:
        write_faults(world.state, Faults())


def test_a_backbone_port_is_measured_and_goes_down_with_its_segment(world: World, url: str) -> None:
    def told(metric: str) -> dict[str, float]:
        """A metric of the switch's ports by the segment that each looks into."""
        text = inside(world, lambda: http.get(f"{url}/probe", {"target": SWITCH})).decode()
        assert 'opd="' not in text
        rows = re.findall(rf'^{metric}{{.*segment="([^"]+)".*}} (\S+)$', text, re.MULTILINE)
        return {segment: float(value) for segment, value in rows}

    def until(up: float) -> None:
        end = time.monotonic() + 30
        while told("opd_interface_up") != {"r1-01": 1, "r1-02": up}:
            assert time.monotonic() < end
            time.sleep(1)

    until(1)
    glass = {one.name: budget([one]).received for one in world.region.plant.segments if one.name in RING}
    assert told("opd_optical_receive_power_dbm") == pytest.approx(glass, abs=0.05)
    assert told("opd_interface_receive_bytes_total")["r1-01"] > 0  # the way that the exporter itself asks by
    faults.apply(world, "cut-segment", "r1-02", 0, silent)
    try:
        until(0)
        assert told("opd_optical_rx_loss") == {"r1-01": 0, "r1-02": 1}
        assert set(told("opd_optical_receive_power_dbm")) == {"r1-01"}
    finally:
        faults.apply(world, "mend-segment", "r1-02", 0, silent)
    until(1)
    faults.apply(world, "dim-fibre", "r1-01", 3, silent)
    try:
        end = time.monotonic() + 30
        while told("opd_optical_receive_power_dbm")["r1-01"] > glass["r1-01"] - 2.9:
            assert time.monotonic() < end
            time.sleep(1)
    finally:
        faults.apply(world, "dim-fibre", "r1-01", 0, silent)


def test_an_office_added_to_a_running_twin_is_measured(world: World, url: str) -> None:
    lifecycle.up(world.inventory, NAME, silent, [], [*OFFICES, "disdik"])
    end = time.monotonic() + 15
    while value(world, url, "disdik-rtr1", "opd_poll_up") != 1 and time.monotonic() < end:
        time.sleep(1)
    assert (value(world, url, "disdik-rtr1", "opd_interface_receive_bytes_total") or 0) > 0


def test_a_dead_router_fails_alone_and_is_named(world: World) -> None:
    few = here(world)
    ports = json.loads((world.state / "network.json").read_text())["routers"]["rsud-rtr1"]["ports"]
    fibre = next(port["kernel"] for port in ports if port["kind"] == "wan")
    subprocess.run(["ip", "-n", f"{NAME}.rsud-rtr1", "link", "set", fibre, "down"], check=True)
    try:
        reading = TARGET.read(few, [])
        assert set(reading.failed) == {"rsud-rtr1"}
        assert "dinkes-rtr1/dinkes.wan" in reading.contents
        assert world.secrets.get(world.region.access.router_secret) not in reading.failed["rsud-rtr1"]
    finally:
        subprocess.run(["ip", "-n", f"{NAME}.rsud-rtr1", "link", "set", fibre, "up"], check=True)


def test_queues_survive_a_restart_of_the_agents(world: World) -> None:
    few = here(world)
    before = TARGET.read(few, []).contents["dinkes-rtr1/dinkes.wan"]
    agent_process.stop(world)
    agent_process.start(worlds.attach(NAME))
    assert TARGET.read(few, []).contents["dinkes-rtr1/dinkes.wan"] == before
