"""A real Asterisk, telephones that call, and what Prometheus gets to see of them over one manager connection."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from throwaway_asterisk import ROLE, Exchange, desk, exchange, phone

from exporters import exchange as collector
from exporters import exchange_watch
from ops.derive import pbx
from ops.errors import HostFailedError
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.system import netns
from ops.system.process import Ask, Done, run
from ops.system.sip.agent import Agent
from ops.world import World

pytestmark = pytest.mark.system
INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
WORD = "canary-of-the-manager"
PATIENCE = 60.0  # seconds until something must show
TALK = 6.5  # seconds: Asterisk reports of a stream every five


@dataclasses.dataclass
class Inside:
    """Stands where the world's fleet does: the exchange is in a namespace of this machine."""

    running: Exchange

    def on(self, name: str) -> Inside:
        if name != "dc-pbx":
            raise HostFailedError(name, "SSH: no route to host")
        return self

    def run(self, argv: Sequence[str], ask: Ask = Ask()) -> Done:  # noqa: B008 # Ask is frozen
        return run([*self.running._inside(), *argv], ask)

    def dial(self, port: int) -> socket.socket:
        def connect() -> socket.socket:
            netns.enter(self.running.namespace)
            return socket.create_connection(("127.0.0.1", port), 30)

        with ThreadPoolExecutor(1) as inside:
            return inside.submit(connect).result()


@pytest.fixture(scope="module")
def region() -> Region:
    return load(INVENTORY)


@pytest.fixture(scope="module")
def running(region: Region) -> Iterator[Exchange]:
    desks = [desk(region.opd(code)) for code in ("dinkes", "disdik")]
    addresses = [str(region.server("dc-pbx").address), str(region.station.address), *desks]
    with exchange(list(pbx.artifacts(region)), addresses) as started:
        template = (ROLE / "templates/manager_kominfo.conf.j2").read_text(encoding="utf-8")
        login = template.replace("{{ kominfo_secrets['pbx/manager'] }}", WORD)
        (started.etc() / "manager_kominfo.conf").write_text(login, encoding="utf-8")
        (started.etc() / "pjsip_notify.conf").write_bytes((ROLE / "files/pjsip_notify.conf").read_bytes())
        started.cli("manager reload")
        started.cli("module reload res_pjsip_notify.so")
        yield started


@pytest.fixture
def watched(running: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[collector.ExchangeState]:
    monkeypatch.setattr(exchange_watch, "LIST_SECONDS", 0.5)
    world = World("batubara", INVENTORY, tmp_path, tmp_path / "key", tmp_path / "known")
    world.secrets.put(exchange_watch.SECRET, WORD)
    world.__dict__["fleet"] = Inside(running)
    state = collector.ExchangeState(lambda: world)
    yield state
    state.close()


def shown(state: collector.ExchangeState) -> str:
    registry = CollectorRegistry()
    registry.register(state)
    return generate_latest(registry).decode()


async def until(state: collector.ExchangeState, *lines: str) -> str:
    """What is shown once all of these lines are in it."""
    end = time.monotonic() + PATIENCE
    while missing := [line for line in lines if f"\n{line}" not in (text := await asyncio.to_thread(shown, state))]:
        assert time.monotonic() < end, f"{missing} not in\n{text}"
        await asyncio.sleep(0.3)
    return text


async def refused(agent: Agent) -> None:
    async with agent:
        with pytest.raises(HostFailedError, match="401"):
            await agent.register()


def test_what_telephones_do_is_counted_by_office(
    running: Exchange, region: Region, watched: collector.ExchangeState
) -> None:
    dinkes, disdik = desk(region.opd("dinkes")), desk(region.opd("disdik"))

    async def go() -> None:
        await until(
            watched,
            'opd_exchange_up{host="dc-pbx"} 1.0',
            'opd_exchange_up{host="drc-pbx"} 0.0',
            'opd_phone_registered{opd="dinkes"} 0.0',
        )
        wrong = phone(running, region, "20102", dinkes, 1000)
        wrong.account = dataclasses.replace(wrong.account, password="falsch")
        await refused(wrong)
        await refused(phone(running, region, "admin", dinkes, 1000))
        caller, callee = phone(running, region, "20100", dinkes, 1000), phone(running, region, "20200", disdik, 600)
        async with caller, callee:
            await caller.register()
            await callee.register()
            call = await caller.call("20200")
            await until(watched, 'opd_phone_registered{opd="dinkes"} 1.0', 'opd_phone_registered{opd="disdik"} 1.0')
            await asyncio.sleep(TALK)
            await caller.hang_up(call)
            text = await until(
                watched,
                'opd_calls_total{opd="dinkes",result="answered"} 1.0',
                'opd_phone_wrong_password_total{opd="dinkes"} 1.0',
                'opd_call_quality_mes{direction="from",opd="dinkes",quantile="0.5"}',
                'opd_call_quality_lost_ratio{direction="from",opd="dinkes"} 0.0',
            )
            await caller.register(0)
            await callee.register(0)
        assert "20100" not in text, "labels name offices, never extensions"
        assert WORD not in text
        assert 'opd_phone_wrong_password_total{opd="_unknown"} 0.0' not in text
        await until(watched, 'opd_phone_registered{opd="dinkes"} 0.0', 'opd_exchange_stale_contacts{host="dc-pbx"} 0.0')

    asyncio.run(go())


DANGEROUS = (  # an action, and what makes it a real one
    ("Originate", "Channel: Local/20100@opd-dinkes"),
    ("Command", "Command: core show uptime"),
    ("ModuleLoad", "Module: app_echo.so\r\nLoadType: unload"),
    ("Reload", "Module: res_pjsip"),
    ("DBPut", "Family: kominfo-seconds\r\nKey: 20100\r\nVal: 0"),
    ("DBDel", "Family: registrar/contact\r\nKey: 20100"),
    ("DBDelTree", "Family: registrar"),
    ("Setvar", "Variable: X\r\nValue: 1"),
    ("UpdateConfig", "SrcFilename: pjsip.conf\r\nDstFilename: pjsip.conf"),
    ("GetConfig", "Filename: manager_kominfo.conf"),
    ("Hangup", "Channel: /^PJSIP/"),
    ("Redirect", "Channel: x\r\nContext: y\r\nExten: 1\r\nPriority: 1"),
    ("PJSIPNotify", "Endpoint: 20100\r\nVariable: Event=check-sync"),
    ("LoggerRotate", "ActionID: 1"),
    ("PJSIPShowContacts", "ActionID: 1"),
    ("CoreShowChannels", "ActionID: 1"),
)


@pytest.mark.parametrize(("action", "field"), DANGEROUS)
def test_the_exporters_user_may_listen_and_nothing_else(running: Exchange, action: str, field: str) -> None:
    line = Inside(running).dial(exchange_watch.PORT)
    words = f"Action: Login\r\nUsername: kominfo\r\nSecret: {WORD}\r\nEvents: off\r\n\r\n"
    words += f"Action: {action}\r\n{field}\r\n\r\nAction: Logoff\r\n\r\n"
    line.sendall(words.encode())
    with line, line.makefile(encoding="utf-8") as said:
        answer = said.read()
    assert "Authentication accepted" in answer
    assert "Permission denied" in answer, answer


def test_a_telephone_is_told_to_fetch_its_file_again(running: Exchange, region: Region) -> None:
    async def go() -> list[str]:
        told: list[str] = []

        class Listening(Agent):
            def _asked(self, message, source) -> None:  # type: ignore[no-untyped-def]
                if message.method == "NOTIFY":
                    told.append(message.get("event"))
                super()._asked(message, source)

        plain = phone(running, region, "20100", desk(region.opd("dinkes")), 1000)
        async with Listening(plain.account, plain.place, 1000) as agent:
            await agent.register()
            running.cli("pjsip send notify kominfo-check-sync endpoint 20100")
            running.cli("pjsip send notify kominfo-resync endpoint 20100")
            end = time.monotonic() + PATIENCE
            while len(told) < 2 and time.monotonic() < end:  # noqa: ASYNC110 # two things, and a deadline
                await asyncio.sleep(0.1)
            await agent.register(0)
        return told

    assert sorted(asyncio.run(go())) == ["check-sync;reboot=false", "resync"]
