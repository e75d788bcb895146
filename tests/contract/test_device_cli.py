"""netmiko's real drivers against the twin's command lines, over SSH on 127.0.0.1."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ops.catalogue.device import Device, device, managed
from ops.errors import HostFailedError, OpsError
from ops.fibre.budget import LX, Budget
from ops.plan.change import Change
from ops.system.device_cli import DeviceLogin, device_cli
from ops.system.sockets import listen_tcp
from ops.system.ssh_server import Doorman, admit, host_key
from ops.targets.router_queue import _one
from ops.twin.agent_cli import Limit
from ops.twin.agent_mib import Port
from ops.twin.agent_router import Link, Router, Spec

PORTS = {"mikrotik_routeros": ("sfp1", "bridge-lan"), "huawei_vrp": ("GigabitEthernet0/0/1", "GigabitEthernet0/0/2")}
LAN = "10.41.1.0/24"


@dataclass
class Place:
    """A router that listens, how to reach it, and what its kernel was told."""

    login: DeviceLogin
    profile: Device
    keep: Path
    kernel: list[list[Limit]] = field(default_factory=list)
    broken: bool = False

    def shape(self, _spec: Spec, limits: Sequence[Limit]) -> None:
        if self.broken:
            raise OpsError("tc: exit 2: no such device")
        self.kernel.append(list(limits))

    def commands(self, download: int, upload: int) -> list[str]:
        queue = self.profile.queue
        words = {"name": "dinkes.wan", "ifname": self.login.name, "lan": LAN}
        rates = {"download": queue.rate(download), "upload": queue.rate(upload)}
        return [command.format(**{**words, **rates, "ifname": PORTS[self.model][0]}) for command in queue.set]

    @property
    def model(self) -> str:
        return next(model for model in managed() if device(model) is self.profile)


@contextmanager
def listening(model: str, folder: Path) -> Iterator[Place]:
    wan, lan = PORTS[model]
    profile = device(model)
    ports = (Port(wan, "lo", 1, 10**9, fibre=True), Port(lan, "lo", 2, 10**9))
    spec = Spec("rtr1", "127.0.0.1", profile, None, ports, (Link("wan", wan, lan, Budget(LX, 7.0, 3.4)),))
    with closing(listen_tcp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)
        port = opened.getsockname()[1]
        login = DeviceLogin("rtr1", "127.0.0.1", profile.netmiko, "kominfo", "right", folder / "known", port)
        place = Place(login, profile, folder / "rtr1.json")
        router = Router(spec, "public", place.keep, place.shape)
        doorman = Doorman("kominfo", "right", folder / "key", lambda: router.session("kominfo"))
        threading.Thread(target=_serve, args=(opened, doorman), daemon=True).start()
        yield place
        opened.shutdown(2)
        router.close()


def _serve(opened: object, doorman: Doorman) -> None:
    threads = []
    while True:
        try:
            connection, _ = opened.accept()  # type: ignore[attr-defined]
        except OSError:
            break
        threads.append(admit(connection, doorman))
    for thread in threads:
        thread.join()


@pytest.fixture(params=sorted(PORTS))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with listening(request.param, tmp_path) as found:
        yield found


def test_every_profile_is_tried_here() -> None:
    assert set(PORTS) == set(managed())


def test_a_contract_is_set_reaches_the_kernel_and_is_read_back(place: Place) -> None:
    queue = place.profile.queue
    with device_cli(place.login) as cli:
        answer = cli.configure(place.commands(50_000_000, 20_000_000), config_mode=queue.config_mode)
        shown = cli.ask(queue.read)
    assert not re.search(queue.error, answer)
    (found,) = re.finditer(queue.parse, shown)
    assert found["name"] == "dinkes.wan"
    assert (queue.bits(found["download"]), queue.bits(found["upload"])) == (50_000_000, 20_000_000)
    assert place.kernel[-1] == [Limit(PORTS[place.model][0], 50_000_000, 20_000_000)]


def test_what_was_set_outlives_the_login(place: Place) -> None:
    with device_cli(place.login) as cli:
        cli.configure(place.commands(50_000_000, 50_000_000), config_mode=place.profile.queue.config_mode)
    with device_cli(place.login) as cli:
        assert re.search(place.profile.queue.parse, cli.ask(place.profile.queue.read))
    assert "dinkes.wan" in place.keep.read_text(encoding="utf-8")


def test_a_contract_that_moves_to_another_port_leaves_nothing_behind(place: Place) -> None:
    """Vendors that keep limits on ports, not by name, must be told to forget the old one."""

    def content(ifname: str) -> str:
        return f"download=50000000\nifname={ifname}\nlan={LAN}\nupload=20000000\n"

    wan, lan = PORTS[place.model]
    key = "rtr1/dinkes.wan"
    with device_cli(place.login) as cli:
        assert _one(cli, place.profile, Change("router-queue", key, None, content(wan), "f:1")) == ""
        assert _one(cli, place.profile, Change("router-queue", key, content(wan), content(lan), "f:1")) == ""
        shown = cli.ask(place.profile.queue.read)
    assert [found["ifname"] for found in re.finditer(place.profile.queue.parse, shown)] == [lan]


def test_looking_changes_nothing(place: Place) -> None:
    with device_cli(place.login) as cli:
        assert not re.search(place.profile.queue.parse, cli.ask(place.profile.queue.read))
    assert place.kernel == []
    assert not place.keep.exists()


def test_a_wrong_password_is_refused_and_not_told(place: Place) -> None:
    with (
        pytest.raises(HostFailedError, match="rtr1: SSH: user or password refused") as failed,
        device_cli(replace(place.login, password="wrong-word")),
    ):
        pass
    assert "wrong-word" not in str(failed.value) + repr(failed.value.__context__) + repr(place.login)
    assert "right" not in repr(place.login)


def test_another_host_key_than_the_first_one_is_refused(place: Place, tmp_path: Path) -> None:
    with device_cli(place.login):
        pass
    other = host_key(tmp_path / "other")
    known = place.login.known_hosts
    entry = known.read_text(encoding="utf-8").split()[0]
    known.write_text(f"{entry} {other.get_name()} {other.get_base64()}\n", encoding="utf-8")
    with pytest.raises(HostFailedError, match=r"rtr1: SSH: Host key .* does not match"), device_cli(place.login):
        pass


def test_first_logins_at_once_meet_one_host_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: host_key(tmp_path / "key").get_base64(), range(8)))
    assert len(keys) == 1


def test_nobody_there_is_named(tmp_path: Path) -> None:
    with closing(listen_tcp("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
    login = DeviceLogin("rtr9", "127.0.0.1", "huawei", "kominfo", "x", tmp_path / "known", port)
    with pytest.raises(HostFailedError, match=r"rtr9: SSH: .*refused"), device_cli(login):
        pass


def test_a_kernel_that_refuses_is_told_on_the_line(tmp_path: Path) -> None:
    with listening("mikrotik_routeros", tmp_path) as place:
        place.broken = True
        with device_cli(place.login) as cli:
            answer = cli.configure(place.commands(50_000_000, 50_000_000), config_mode=False)
    assert re.search(place.profile.queue.error, answer)
