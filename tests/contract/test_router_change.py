"""What a change on a router does over real SSH: backup, guard, the planned lines, a new login, read back.

The device records what is typed. It plays the twin's routers, whose languages are those of their vendors.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ops import world as worlds
from ops.catalogue.device import device
from ops.plan.change import Change
from ops.system.sockets import listen_tcp
from ops.system.ssh_server import Doorman, Session, admit
from ops.targets import router_guard, router_queue
from ops.twin.agent_cli import Limit
from ops.twin.agent_mib import Port
from ops.twin.agent_router import Link, Router, Spec
from ops.world import World

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
PLACES = {  # router of the inventory, its ports
    "mikrotik_routeros": ("dinkes-rtr1", "sfp1", "bridge-lan"),
    "huawei_vrp": ("rsud-rtr1", "GigabitEthernet0/0/1", "GigabitEthernet0/0/2"),
}
READS = ("print terse", "/export", "/system identity print", "display ", "screen-length")


@dataclass
class Typed:
    """A router that answers, what was typed in each login, and how it misbehaves."""

    model: str
    world: World
    name: str
    port: str
    router: Router
    logins: list[list[str]] = field(default_factory=list)
    refuse: str = "nothing is refused"  # a line that begins so
    closed_after: int = 99  # logins: from then on nobody gets in

    def content(self, download: int, upload: int) -> str:
        return f"download={download}\nifname={self.port}\nlan=10.41.1.0/24\nupload={upload}\n"

    def change(self, before: str | None, after: str | None) -> str:
        """Apply one change; its error."""
        key = f"{self.name}/{self.world.region.opds[0].code}.wan"
        (result,) = router_queue._change(self.world, self.name, [Change("router-queue", key, before, after, "f:1")])
        return result.error

    @property
    def lines(self) -> list[str]:
        """What was typed that is no look."""
        return [line for login in self.logins for line in login if not any(word in line for word in READS)]


class _Recorded:
    def __init__(self, inner: Session, typed: Typed, login: list[str]) -> None:
        self._inner, self._typed, self._login, self.banner = inner, typed, login, inner.banner

    def prompt(self) -> str:
        return self._inner.prompt()

    def line(self, text: str) -> str | None:
        if text:
            self._login.append(text)
        if text.startswith(self._typed.refuse):
            return "failure: no" if self._typed.model.startswith("mikrotik") else "Error: No."
        return self._inner.line(text)


@contextmanager
def router(model: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Typed]:
    name, wan, lan = PLACES[model]
    monkeypatch.setenv("OPS_STATE", str(folder))
    world = worlds.real(BATUBARA)
    ports = (Port(wan, "lo", 1, 10**9, fibre=True), Port(lan, "lo", 2, 10**9))
    spec = Spec(name, "127.0.0.1", device(model), None, ports, (Link("wan", wan, lan),))
    kernel: list[list[Limit]] = []

    def shape(_spec: Spec, limits: Sequence[Limit]) -> None:
        kernel.append(list(limits))

    with closing(listen_tcp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)
        held = Router(spec, "public", folder / "router.json", shape)
        typed = Typed(model, world, name, wan, held)
        access = world.region.access

        def session() -> Session:
            typed.logins.append([])
            return _Recorded(held.session(access.router_user), typed, typed.logins[-1])

        doorman = Doorman(access.router_user, world.secrets.get(access.router_secret), folder / "key", session)
        monkeypatch.setattr(router_queue, "_models", lambda _region: {name: ("127.0.0.1", model)})
        monkeypatch.setattr(router_queue, "SSH", opened.getsockname()[1])
        threading.Thread(target=_serve, args=(opened, doorman, typed), daemon=True).start()
        yield typed
        opened.shutdown(2)
        held.close()


def _serve(opened: object, doorman: Doorman, typed: Typed) -> None:
    threads = []
    while True:
        try:
            connection, _ = opened.accept()  # type: ignore[attr-defined]
        except OSError:
            break
        if len(typed.logins) >= typed.closed_after:
            connection.close()
        else:
            threads.append(admit(connection, doorman))
    for thread in threads:
        thread.join()


@pytest.fixture(params=sorted(PLACES))
def typed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Typed]:
    with router(request.param, tmp_path, monkeypatch) as found:
        yield found


def planned(typed: Typed, download: int, upload: int) -> list[str]:
    """The lines that the profile says, in their order."""
    profile = device(typed.model)
    name = f"{typed.world.region.opds[0].code}.wan"
    rates = {"download": profile.queue.rate(download), "upload": profile.queue.rate(upload)}
    words = {"name": name, "ifname": typed.port, "lan": "10.41.1.0/24", **rates, "seconds": 300, "minutes": 5}
    enter, leave = (["system-view"], ["return"]) if profile.queue.config_mode else ([], [])
    assert profile.guard
    lines = [*profile.guard.arm, *enter, *profile.queue.set, *leave, *profile.guard.disarm, *profile.guard.keep]
    return [line.format(**words) for line in lines]


def test_exactly_the_planned_lines_are_sent_and_the_rest_is_looking(typed: Typed) -> None:
    assert typed.change(None, typed.content(50_000_000, 20_000_000)) == ""
    assert typed.lines == planned(typed, 50_000_000, 20_000_000)
    first, second = [login for login in typed.logins if login]
    assert any("remove" in line or "undo" in line for line in second), "the guard is let go by a new login"
    assert "#guard" not in typed.router.configuration
    assert device(typed.model).running_config.read in first[: first.index(typed.lines[0])], "the backup comes first"


def test_the_configuration_before_the_change_is_kept_without_secrets(typed: Typed) -> None:
    assert typed.change(None, typed.content(50_000_000, 20_000_000)) == ""
    kept = typed.world.state / "configs-before" / f"{typed.name}.cfg"
    assert not [word for word in ("50M", "50000") if word in kept.read_text()]
    assert typed.change(typed.content(50_000_000, 20_000_000), typed.content(30_000_000, 20_000_000)) == ""
    text = kept.read_text()
    assert ("50M" if typed.model.startswith("mikrotik") else "50000") in text
    assert typed.world.secrets.get("router/password") not in text


def test_nothing_is_sent_after_a_line_that_is_refused(typed: Typed) -> None:
    lines = planned(typed, 50_000_000, 20_000_000)
    at = next(at for at, line in enumerate(lines) if "add name=" in line or line.startswith("qos lr inbound"))
    at = at if typed.model == "huawei_vrp" else lines.index(next(line for line in lines if "queue simple add" in line))
    typed.refuse = lines[at]
    said = typed.change(None, typed.content(50_000_000, 20_000_000))
    assert said.startswith(f"the device refused {lines[at]}: ")
    sent = typed.lines
    leave = ["return"] if typed.model == "huawei_vrp" else []
    assert sent[: at + 1 + len(leave)] == [*lines[: at + 1], *leave]
    assert not [line for line in sent if line.startswith("qos lr outbound")]


def test_a_router_that_will_not_promise_to_take_it_back_is_left_alone(typed: Typed) -> None:
    profile = device(typed.model)
    assert profile.guard
    typed.refuse = profile.guard.arm[0].format(seconds=300, minutes=5)
    said = typed.change(None, typed.content(50_000_000, 20_000_000))
    assert "will not promise to take the change back" in said
    assert typed.lines == [typed.refuse]
    assert typed.router.configuration == {}


def test_a_change_that_cuts_us_off_is_taken_back_by_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with router("mikrotik_routeros", tmp_path, monkeypatch) as typed:
        assert typed.change(None, typed.content(50_000_000, 20_000_000)) == ""
        before = dict(typed.router.configuration)
        monkeypatch.setattr(router_guard, "UNDO_SECONDS", 6)
        typed.closed_after = len(typed.logins) + 1  # the first login of the next change is the last that gets in
        said = typed.change(typed.content(50_000_000, 20_000_000), typed.content(1_000_000, 1_000_000))
        assert "SSH:" in said
        assert "takes the change back by itself" in said
        assert "1M/1M" in str(typed.router.configuration)
        end = time.monotonic() + 60
        while typed.router.configuration != before and time.monotonic() < end:
            time.sleep(0.1)
        assert typed.router.configuration == before
