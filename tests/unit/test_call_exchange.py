"""A test call's telephones know both exchanges, and it says which one carried the call."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from ops.inventory.load import load
from ops.inventory.model import Region, Server
from ops.jobs.call_exchange import account, named, stood_in
from ops.jobs.call_report import CallReport, Way
from ops.world import World

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
SECOND = Server(at="", name="drc-pbx", address=IPv4Address("10.40.8.15"), groups=("drc", "pbx"))
GOOD = Way(200, 200, 0, 1.0, 1000, -12.0, -60.0)


@pytest.fixture(scope="module")
def region() -> Region:
    found = load(INVENTORY)
    others = tuple(server for server in found.servers if server.name != SECOND.name)
    return found.model_copy(update={"servers": (*others, SECOND)})


def test_a_telephone_knows_the_exchange_and_the_one_that_takes_over(region: Region, tmp_path: Path) -> None:
    world = World("batubara", INVENTORY, tmp_path, tmp_path / "key", tmp_path / "known")
    world.__dict__["region"] = region
    world.secrets.put("voip/20100", "geheim")
    found = account(world, "20100")
    assert (found.server, found.others) == (("10.40.0.15", 5060), (("10.40.8.15", 5060),))
    assert "geheim" not in repr(found)


@pytest.mark.parametrize(
    ("address", "name", "said"),
    [
        ("10.40.0.15", "dc-pbx", ""),
        ("10.40.8.15", "drc-pbx", ", by drc-pbx: dc-pbx does not answer"),
        ("10.9.9.9", "10.9.9.9", ", by 10.9.9.9: dc-pbx does not answer"),
    ],
)
def test_a_report_names_the_exchange_that_carried_the_call(region: Region, address: str, name: str, said: str) -> None:
    report = named(region, CallReport("a", "b", "20100", "20200", 4, 3, 5, GOOD, GOOD, (), address))
    assert report.as_dict()["exchange"] == name
    assert stood_in(region, report.exchange) == said
