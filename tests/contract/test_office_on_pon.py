"""An office that hangs on a passive optical network: what its OLT tells of its ONU is the office's light."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from exporter_place import place
from snmp_replay import COMMUNITY, replaying

from exporters.fibre_read import measured
from exporters.read import Value
from exporters.service import Service
from ops.errors import InventoryInvalidError
from ops.fibre.budget import HALVING_DB, PON, of_link
from ops.system.snmprec import read
from ops.world import World

RECORDING = Path(__file__).parents[1] / "recordings/huawei_smartax.snmprec"
OLT = "127.80.7.1"
SERIES = re.compile(r"^(\w+)\{(.*)\} (\S+)$")
OFFICE = {"opd": "dinkes", "site": "kantor", "device": "dinkes-rtr1", "ifname": "sfp1"}
PORT = {"site": "pop-limapuluh", "device": "olt1", "ifname": "GPON0/1/0"}


def declare(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = place(tmp_path)
    device = f"devices:\n  - {{name: olt1, node: pop-limapuluh, model: huawei_smartax, address: {OLT}}}\nsegments:"
    declare(made.inventory / "fibre.yml", "segments:", device)
    onu = "    onu: {olt: olt1, port: GPON0/1/0, id: 7, split: 16}\n    lan:"
    declare(made.inventory / "opd/dinkes.yml", "    lan:", onu)
    made.secrets.put("snmp/community", COMMUNITY)
    return World(made.name, made.inventory, made.state, made.ssh_key, made.known_hosts)


def served(world: World) -> list[tuple[str, dict[str, str], float]]:
    async def page(port: int) -> str:
        service = Service(world, port)
        try:
            return await service.probe("olt1") or ""
        finally:
            await service.close()
            service.jobs.close()

    with replaying(read(RECORDING), OLT) as port:
        text = asyncio.run(page(port))
    found = [SERIES.fullmatch(line) for line in text.splitlines()]
    return [(one[1], dict(re.findall(r'(\w+)="([^"]*)"', one[2])), float(one[3])) for one in found if one]


def test_the_declared_onus_light_is_the_offices_and_no_others_is_told(world: World) -> None:
    told = served(world)
    light = [(labels, value) for name, labels, value in told if name == "opd_optical_receive_power_dbm"]
    assert sorted(light, key=lambda one: one[1]) == [
        (PORT | {"onu": "7", "side": "olt"}, pytest.approx(-25.10)),
        (OFFICE, pytest.approx(-24.71)),
    ]
    sent = [(labels, value) for name, labels, value in told if name == "opd_optical_transmit_power_dbm"]
    assert sorted(sent, key=lambda one: one[1]) == [(OFFICE, pytest.approx(1.98)), (PORT, pytest.approx(4.12))]
    assert [labels for name, labels, _ in told if name == "opd_interface_up"] == [PORT]
    office = measured(world.region, [Value(*one) for one in told])["dinkes/wan"]
    assert (office.received, office.sent) == (pytest.approx(-24.71), pytest.approx(1.98))


def test_its_budget_is_that_of_a_passive_network_up_to_the_olt(world: World) -> None:
    region = world.region
    link = region.opd("dinkes").links[0]
    found = of_link(region.plant, link)
    assert found.optics is PON
    assert (link.rides, found.km) == (("r1-01",), link.drop.km)  # r1-01 lies behind the OLT
    assert found.loss == pytest.approx(
        4 * HALVING_DB + 0.25 * found.km + 0.1 * link.drop.splices + 0.5 * link.drop.connectors
    )


def test_an_onu_is_one_offices(world: World) -> None:
    declare(world.inventory / "opd/rsud.yml", "    lan:", "    onu: {olt: olt1, port: GPON0/1/0, id: 7}\n    lan:")
    with pytest.raises(InventoryInvalidError) as refused:
        _ = World(world.name, world.inventory, world.state, world.ssh_key, world.known_hosts).region
    (problem,) = refused.value.problems
    assert "ONU 7 of olt1 GPON0/1/0 already belongs to the link dinkes/wan" in problem.what
    assert "rsud.yml:" in problem.at
