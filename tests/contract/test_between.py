"""The way between two offices, over real SSH and netmiko's real drivers: routers that answer as recorded."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import yaml
from cli_rig import PROMPTS, Sitting, at_home
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from exporters.between import Between, Pings, Way
from exporters.cli_turns import Budget
from exporters.metrics import table
from exporters.shards import Shard
from ops.catalogue.device import device
from ops.inventory.rules.probes_between import check
from ops.system.device_cli import DeviceLogin
from ops.world import LOOPBACK, World

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds; a busy machine
PROMPT = {
    "linux_router": "kominfo@rtr1:~$ ",
    "huawei_vrp": "<rtr1>",
    "cisco_ios": "rtr1#",
    "mikrotik_routeros": PROMPTS["mikrotik_routeros"],
}
WELL, DEAD, NOBODY = (Way("dinkes", to, f"10.40.17.{number}") for number, to in enumerate(("rsud", "setda", "bpkad")))
RECORDED = {WELL: "normal", DEAD: "total loss", NOBODY: "unknown host"}


def answers(model: str) -> dict[str, str]:
    """What this router answers to its own ping command on each way."""
    cases = yaml.safe_load((ROOT / f"tests/recordings/ping/{model}.yml").read_text(encoding="utf-8"))
    first = {word: next(case["answer"] for case in cases if case["is"].startswith(word)) for word in RECORDED.values()}
    ping = device(model).ping
    assert ping
    return {ping.command.format(address=way.address): first[word] for way, word in RECORDED.items()}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def pings(model: str, folder: Path, port: int, ways: tuple[Way, ...], clock: Clock) -> Pings:
    profile = device(model)
    assert profile.ping
    login = DeviceLogin(model, "127.0.0.1", profile.netmiko, "kominfo", "right-word", folder / "known", port)
    return Pings(login, profile.ping, ways, Budget(seconds=PATIENCE, every=60, stale=105), clock)


def sitting(model: str, hold: threading.Event | None = None) -> Sitting:
    return Sitting(PROMPT[model], answers(model), [], hold)


def test_every_router_measures_with_its_own_ping(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Figures, total loss and a refusal, each by itself; what is too old is told no more."""
    clock = Clock()
    with ExitStack() as routers, ThreadPoolExecutor(len(PROMPT)) as pool, caplog.at_level(logging.WARNING):
        measuring = {}
        for model in PROMPT:
            port = routers.enter_context(at_home(partial(sitting, model), tmp_path / f"{model}.key"))
            (tmp_path / model).mkdir()
            measuring[model] = pings(model, tmp_path / model, port, (WELL, DEAD, NOBODY), clock)
        assert list(pool.map(Pings.read, measuring.values())) == [True] * len(PROMPT)
    for model, one in measuring.items():
        known = {way: measured.echoes for way, measured in one.fresh().items()}
        assert set(known) == {WELL, DEAD}, model
        assert known[WELL].loss == 0, model
        assert known[WELL].rtt == pytest.approx(0.002, abs=0.0017), model
        assert (known[WELL].jitter is None) == (model == "cisco_ios")
        assert (known[DEAD].loss, known[DEAD].rtt) == (1, None), model
        assert f"{model}: SSH: " in caplog.text
        clock.now = 1105.0
        assert set(one.fresh()) == {WELL, DEAD}
        clock.now = 1105.1
        assert one.fresh() == {}
        clock.now = 1000.0


def test_a_router_that_refuses_everything_has_failed(tmp_path: Path) -> None:
    with at_home(partial(sitting, "huawei_vrp"), tmp_path / "key") as port:
        one = pings("huawei_vrp", tmp_path, port, (NOBODY,), Clock())
        assert not one.read()
    assert (one.went, one.failed, one.fresh()) == (0, 1, {})


@pytest.fixture
def declared(tmp_path: Path) -> World:
    """A loopback twin of which dinkes measures its way to rsud."""
    inventory = tmp_path / "inventory"
    shutil.copytree(ROOT / "inventories/batubara", inventory)
    with (inventory / "region.yml").open("a", encoding="utf-8") as region:
        region.write("probes: {between: [[dinkes, rsud]], every: 10m}\n")
    return World("t", inventory, tmp_path, tmp_path / "key", tmp_path / "known", facts={"kind": LOOPBACK})


def served(collector: Between) -> dict[str, tuple[dict[str, str], float]]:
    registry = CollectorRegistry()
    registry.register(collector)
    found = text_string_to_metric_families(generate_latest(registry).decode())
    return {one.name: (one.labels, one.value) for metric in found for one in metric.samples}


def test_a_scrape_is_told_what_was_measured_last_and_never_waits(declared: World, tmp_path: Path) -> None:
    declared.secrets.put(declared.region.access.router_secret, "right-word")
    address = "127.41.1.1"
    assert str(declared.region.opd("dinkes").routers[0].address) == "10.41.1.1"
    rsud = declared.reach(str(declared.region.opd("rsud").routers[0].address), 0)[0]
    (answer,) = (said for command, said in answers("mikrotik_routeros").items() if WELL.address in command)
    hold = threading.Event()

    def session() -> Sitting:
        return Sitting(PROMPT["mikrotik_routeros"], {f"/ping {rsud} count=5": answer}, [], hold)

    now: list[World | None] = [None]
    collector = Between(lambda: now[0], Shard())
    with at_home(session, tmp_path / "hostkey", address) as port:
        declared.facts["port 22"] = str(port)
        assert served(collector) == {}
        now[0] = declared
        assert served(collector) == {}  # asked for; the router has not answered yet
        hold.set()
        found, deadline = served(collector), time.monotonic() + PATIENCE
        while not found:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            found = served(collector)
        now[0] = dataclasses.replace(declared)  # the inventory is read anew: what was measured stays known
        again = served(collector)
        collector.close()
    labels = {"opd": "dinkes", "to_opd": "rsud"}
    assert set(found) == {name for name in table() if name.startswith("opd_between_")}
    assert found["opd_between_up"] == (labels, 1)
    assert found["opd_between_loss_ratio"] == (labels, 0)
    assert found["opd_between_rtt_seconds"] == (labels, pytest.approx(0.00102))
    assert found["opd_between_jitter_seconds"] == (labels, pytest.approx(0.0010565))
    assert again == found
    now[0] = dataclasses.replace(declared, inventory=ROOT / "inventories/batubara")
    assert served(collector) == {}


def test_each_router_belongs_to_one_shard(declared: World) -> None:
    declared.secrets.put(declared.region.access.router_secret, "right-word")
    counted = []
    for number in (1, 2, 3):
        collector = Between(lambda: None, Shard(number, 3))
        collector._take_up(declared)
        counted.append(len(collector._routers))
    assert sorted(counted) == [0, 0, 1]


def test_who_cannot_be_measured_from_is_found(declared: World) -> None:
    region = declared.region
    other = region.opd("dinkes").routers[0].model_copy(update={"model": "zyxel"})
    for changes, says in (
        ({"routers": (other,)}, "no ping command is known"),
        ({"links": ()}, "no link with a router"),
    ):
        opds = tuple(one.model_copy(update=changes) if one.code == "dinkes" else one for one in region.opds)
        (found,) = check(region.model_copy(update={"opds": opds}))
        assert says in found.what
        assert found.key == "between.0.0"
