"""Light over SSH: every platform's answers as numbers, and netmiko's real drivers against such devices on 127.0.0.1."""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporters.breaker import Breaker, Patience
from exporters.cli_optics import Budget, CliOptics, same_port
from exporters.cli_readers import CliReaders
from exporters.metrics import Sample
from exporters.sheet import page
from ops.catalogue.cli.answer import Row, rows
from ops.catalogue.cli.platform import Dialogue, names, platform
from ops.errors import OpsError
from ops.inventory.load import load
from ops.inventory.watched import Watched, watched
from ops.system.device_cli import DeviceLogin
from ops.system.sockets import listen_tcp
from ops.system.ssh_server import Doorman, admit
from ops.world import LOOPBACK, World

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "tests/recordings/cli"
ONE = next(watched(load(ROOT / "inventories/batubara").opds))
PROMPTS = {
    "cisco_ios": "sw1#",
    "huawei_vrp": "<sw1>",
    "huawei_olt": "MA5800>",
    "mikrotik_routeros": "[kominfo@rtr1] > ",
    "ubiquiti_edgeswitch": "(UBNT) >",
    "zte_olt": "ZXAN#",
}
DEEPER = {  # what a command makes of the prompt
    "enable": lambda at: at.replace(">", "#"),
    "disable": lambda at: at.replace("#", ">"),
    "config": lambda at: at.replace("#", "(config)#"),
    "interface gpon 0/1": lambda at: at.replace("(config)#", "(config-if-gpon-0/1)#"),
    "quit": lambda at: re.sub(r"\(config(-if[^)]*)?\)", lambda found: "(config)" if found[1] else "", at),
}


@cache
def cases(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((RECORDINGS / f"{name}.yml").read_text(encoding="utf-8"))


EVERY = [(name, number) for name in names() for number in range(len(cases(name)))]


def dialogue(name: str, case: Mapping[str, Any]) -> Dialogue:
    asked = [case["asked"]] if "asked" in case else []
    found = [one for question in platform(name).questions for one in question.dialogues(asked, asked)]
    (only,) = [one for one in found if one.command == case.get("command", one.command)]
    return only


def plain(row: Row) -> dict[str, object]:
    place = {key: said for key in ("port", "onu", "lane") if (said := getattr(row, key))}
    return place | {name: round(value, 6) for name, value in row.values.items()}


def test_every_platform_has_answers() -> None:
    assert set(names()) == set(PROMPTS)
    for name in names():
        asked = [dialogue(name, case).question for case in cases(name)]
        assert all(question in asked for question in platform(name).questions), name


@pytest.mark.parametrize(("name", "number"), EVERY)
def test_an_answer_means_these_figures(name: str, number: int) -> None:
    case = cases(name)[number]
    assert [plain(row) for row in rows(platform(name), dialogue(name, case), case["answer"])] == case["rows"]


LINES = sorted({line for name in names() for case in cases(name) for line in case["answer"].splitlines()})
PIECES = st.one_of(st.sampled_from(LINES), st.text(max_size=60), st.sampled_from(["--More--", "\x1b[24D", "\t", "% "]))


@pytest.mark.parametrize("name", names())
@given(lines=st.lists(PIECES, max_size=12))
def test_no_answer_is_too_odd(name: str, lines: list[str]) -> None:
    """Rows of numbers within reason, or a ValueError that says that the form is another one; never anything else."""
    for case in cases(name):
        try:
            found = rows(platform(name), dialogue(name, case), "\n".join(lines))
        except ValueError:
            continue
        for row in found:
            assert row.port
            assert row.values
            assert row.values.get("receive_power_dbm", 0) > platform(name).dark


def test_an_unknown_platform_is_named() -> None:
    with pytest.raises(OpsError, match="no command-line platform nosuch"):
        platform("nosuch")


@pytest.mark.parametrize(
    ("said", "declared", "same"),
    [
        ("Gi1/0/25", "GigabitEthernet1/0/25", True),
        ("gpon-olt_1/2/3", "gpon_1/2/3", True),
        ("sfp1", "SFP1", True),
        ("Gi1/0/2", "GigabitEthernet1/0/25", False),
        ("Te1/0/25", "GigabitEthernet1/0/25", False),
        ("0/1", "GigabitEthernet0/1", False),
        ("", "sfp1", False),
    ],
)
def test_a_port_is_known_by_its_short_name_too(said: str, declared: str, same: bool) -> None:
    assert same_port(said, declared) is same


@dataclass
class Sitting:
    """A device that answers what it is given, and says nothing to what drivers ask to make themselves at home."""

    at: str
    answers: Mapping[str, str]
    asked: list[str]
    hold: threading.Event | None = None
    banner: str = "\r\n"

    def prompt(self) -> str:
        return self.at

    def line(self, text: str) -> str | None:
        if text in {"exit", "logout", "/quit"}:
            return None
        if text in DEEPER:
            self.at = DEEPER[text](self.at)
            return ""
        if text in self.answers:
            self.asked.append(text)
            if self.hold is not None:
                self.hold.wait(60)
            return self.answers[text].rstrip("\n").replace("\n", "\r\n")
        return ""


@dataclass
class Device:
    """`logins`: how often somebody came in; `asked`: which commands it knew."""

    login: DeviceLogin
    name: str
    asked: list[str] = field(default_factory=list)
    logins: list[Sitting] = field(default_factory=list)

    def reader(self, links: Sequence[Watched], budget: Budget, clock: Callable[[], float] | None = None) -> CliOptics:
        onus = [case["asked"] for case in cases(self.name) if ":" in case.get("asked", "")]
        more = {} if clock is None else {"clock": clock}
        return CliOptics(self.login, platform(self.name), links, onus, budget, **more)


@contextmanager
def device(name: str, folder: Path, hold: threading.Event | None = None, user: str = "kominfo") -> Iterator[Device]:
    """A device of one platform that listens on 127.0.0.1 and answers as its first recordings do."""
    answers: dict[str, str] = {}
    for case in cases(name):
        answers.setdefault(dialogue(name, case).command, case["answer"])
    opened = listen_tcp("127.0.0.1", 0)
    opened.setblocking(True)
    port = opened.getsockname()[1]
    login = DeviceLogin("sw1", "127.0.0.1", platform(name).netmiko, user, "right-word", folder / "known", port)
    here = Device(login, name)

    def session() -> Sitting:
        here.logins.append(Sitting(PROMPTS[name], answers, here.asked, hold))
        return here.logins[-1]

    thread = threading.Thread(target=_serve, args=(opened, Doorman(user, "right-word", folder / "key", session)))
    thread.start()
    try:
        yield here
    finally:
        opened.shutdown(2)
        opened.close()
        thread.join()


def _serve(opened: Any, doorman: Doorman) -> None:
    threads = []
    while True:
        try:
            connection, _ = opened.accept()
        except OSError:
            break
        threads.append(admit(connection, doorman))
    for thread in threads:
        thread.join(30)


def links(*ifnames: str) -> list[Watched]:
    return [replace(ONE, link=ONE.link.model_copy(update={"ifname": ifname})) for ifname in ifnames]


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
        before = lights(reader.samples())
        hold.clear()
        clock.now += 61
        assert reader.refresh(pool)
        deadline = threading.Event()
        while len(here.asked) < 2:
            assert not deadline.wait(0.05)
        assert lights(reader.samples()) == before
        assert not reader.refresh(pool)
        hold.set()
    assert lights(reader.samples()) == before
    assert ("opd_optical_receive_power_dbm", "0/49", -14.465) in before
    assert ("opd_optical_rx_loss", "0/50", 1.0) in before
    assert not any(name == "opd_optical_receive_power_dbm" and port == "0/50" for name, port, _ in before)


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
        tries = threading.Event()
        while (light := beside()) is None:
            assert not tries.wait(0.1)
        told = page([light])
        metrics = {one.name: one for one in readers.collect()}
        readers.close()
    assert 'ifname="sfp1"} -18.734' in told
    assert told.count("# TYPE opd_optical_receive_power_dbm") == 1
    assert [one.value for one in metrics["opd_cli_devices"].samples] == [1]
    assert {one.labels["result"]: one.value for one in metrics["opd_cli_readings"].samples} == {"ok": 1, "failed": 0}


def test_a_device_without_a_known_command_line_is_not_read(tmp_path: Path) -> None:
    readers = CliReaders()
    world = World("t", ROOT / "inventories/batubara", tmp_path, tmp_path / "key", tmp_path / "known")
    readers.take_up(world, {"sw1": [replace_all(ONE, "zyxel", "swp28")]})
    assert readers.beside("sw1") is None
    assert [one.value for metric in readers.collect() for one in metric.samples] == [0, 0, 0, 0]
    readers.close()


@given(steps=st.lists(st.tuples(st.booleans(), st.floats(0, 3000)), max_size=60))
def test_a_breaker_opens_after_so_many_failures_in_a_row_and_never_for_longer_than_allowed(
    steps: list[tuple[bool, float]],
) -> None:
    patience = Patience(failures=3, pause=100, longest=400)
    breaker, now, failed, last = Breaker(patience), 0.0, 0, 0.0
    for well, passes in steps:
        now += passes
        may = breaker.may_try(now)
        if failed < patience.failures or now - last >= patience.longest:
            assert may
        if failed >= patience.failures and now - last < patience.pause:
            assert not may
        if may:
            assert not breaker.may_try(now)  # one try at a time
            if well:
                breaker.went_well()
                failed = 0
            else:
                breaker.failed(now)
                failed, last = failed + 1, now
