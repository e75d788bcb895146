"""Settings and contracts in four vendors' words, over real SSH and netmiko's real drivers.

The devices hold what they are told and show it as the vendor writes it (`tests/device_emulator.py`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from device_emulator import PLAYERS, Played, serve

from ops import world as worlds
from ops.catalogue.device import device, names
from ops.inventory.model import Opd, Router
from ops.plan.change import Change
from ops.targets import router_queue, router_settings
from ops.world import World

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
PORT = {"mikrotik_routeros": "sfp1", "huawei_vrp": "GigabitEthernet0/0/1", "cisco_ios": "GigabitEthernet0/1",
        "linux_router": "eth0"}  # fmt: skip
SYSLOG, USER = "10.40.0.16", "cadangan"


class Bench:
    """One emulated router as an office's own, and what is wished of it."""

    def __init__(self, world: World, played: Played, model: str, name: str) -> None:
        self.world, self.played, self.model = world, played, model
        opd = world.region.opd("dinkes")
        ported = opd.links[0].model_copy(update={"ifname": PORT[model], "router": name})
        self.opd: Opd = opd.model_copy(update={"links": (ported,)})
        self.router: Router = opd.routers[0].model_copy(update={"name": name, "model": model})
        self.wanted = router_settings.wishes(world, self.opd, self.router, SYSLOG, USER)

    def settle(self) -> router_settings.Settled:
        return router_settings.settle(self.world, self.opd, self.router, self.wanted)

    def look(self) -> router_settings.Settled:
        return router_settings.look(self.world, self.opd, self.router, self.wanted)

    @property
    def planned(self) -> list[str]:
        """The lines of all settings as the profile says them."""
        known = device(self.model).settings
        return [
            line.format(**wish.values)
            for wish in self.wanted
            if wish.setting in known
            for line in known[wish.setting].set
        ]


@contextmanager
def benches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Bench]]:
    """All vendors at once, each at an address of its own: logins mostly wait."""
    monkeypatch.setenv("OPS_STATE", str(folder))
    world = worlds.real(BATUBARA)
    access = world.region.access
    login = (access.router_user, world.secrets.get(access.router_secret))
    with ExitStack() as stack:
        made: list[Bench] = []
        places: dict[str, tuple[str, str]] = {}
        for number, model in enumerate(sorted(PLAYERS), 1):
            name, address = f"r{number}", f"127.77.0.{number}"
            port = made[0].played.ssh if made else 0
            played = stack.enter_context(serve(model, (address, port), PORT[model], login, folder / name))
            made.append(Bench(world, played, model, name))
            places[name] = (address, model)
        monkeypatch.setattr(router_queue, "_models", lambda _region: places)
        monkeypatch.setattr(router_queue, "SSH", made[0].played.ssh)
        yield made


@pytest.fixture
def every(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[Bench], None]], None]]:
    """Do something with every vendor's router, side by side."""
    with benches(tmp_path, monkeypatch) as made, ThreadPoolExecutor(len(made)) as pool:
        yield lambda work: deque(pool.map(work, made), 0) and None


def test_every_vendor_whose_contracts_are_set_is_played() -> None:
    assert set(PLAYERS) == {name for name in names() if device(name).is_managed}


def test_settings_are_sent_as_planned_read_back_and_then_as_declared(every) -> None:
    def work(one: Bench) -> None:
        looked = one.look()
        assert looked.differs, one.model
        assert one.played.changes == []
        done = one.settle()
        assert (done.error, done.changed) == ("", True), one.model
        assert [line for line in one.played.typed if line in one.planned] == one.planned
        before = list(one.played.changes)
        again = one.settle()
        assert (again.differs, again.error, again.changed) == ((), "", False), one.model
        assert one.played.changes == before
        for secret in (one.world.secrets.get("snmp/community"), one.world.secrets.get(f"router/{USER}")):
            assert secret in " ".join(one.planned)
            assert secret not in repr((looked, done, again))

    every(work)


def test_nothing_is_sent_after_a_refused_line_and_no_secret_is_told(every) -> None:
    def work(one: Bench) -> None:
        community = one.world.secrets.get("snmp/community")
        one.played.refuse = next(line for line in one.planned if community in line)
        done = one.settle()
        assert done.error.startswith("the device refused "), one.model
        assert community not in repr(done)
        after = one.played.changes[one.played.changes.index(one.played.refuse) + 1 :]
        assert set(after) <= {"return", "end"}, one.model  # out of the configuration mode

    every(work)


def test_a_contract_is_set_changed_and_removed(every) -> None:
    def work(one: Bench) -> None:
        def content(rate: int) -> str:
            return f"download={rate}\nifname={PORT[one.model]}\nlan=10.41.1.0/24\nupload=20000000\n"

        key = f"{one.router.name}/dinkes.wan"
        first, second = content(50_000_000), content(30_000_000)
        for before, after in ((None, first), (first, second), (second, None)):
            change = Change("router-queue", key, before, after, "f:1")
            (result,) = router_queue._change(one.world, one.router.name, [change])
            assert result.error == "", one.model
        queue = device(one.model).queue
        words = {"name": "dinkes.wan", "ifname": PORT[one.model], "lan": "10.41.1.0/24"}
        words |= {"download": queue.rate(50_000_000), "upload": queue.rate(20_000_000)}
        planned = [line.format(**words) for line in queue.set]
        start = one.played.typed.index(planned[0])
        assert one.played.typed[start : start + len(planned)] == planned

    every(work)


def test_words_of_people_cannot_become_commands() -> None:
    said = router_settings._plain("Jl. \"Merdeka\"; /system reset\n`reboot` $(id) | x \\ {a} 'b'")
    assert not re.search(r"[\"';\\`$|{}<>\n]", said)
