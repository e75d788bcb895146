"""A second exchange joins a regency that runs: it holds the same, takes over, and shuts out who guesses passwords."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from second_exchange import second_exchange

from ops.errors import HostFailedError
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.jobs import call_test
from ops.system.secrets import Secrets
from ops.system.sip.agent import Agent, SilentError
from ops.system.sip.place import Account, Place

pytestmark = pytest.mark.system
FIRST, SECOND = "dc-pbx", "drc-pbx"
CALL = ("call", "test", "--from", "dinkes", "--to", "disdik", "--seconds", "1")
PATIENCE = 180.0  # seconds until something must show on a busy machine
TRIES = 40  # passwords that a scanner guesses at most
TALK = 20.0  # seconds of a call that goes on meanwhile


@pytest.fixture(scope="module")
def both(applied: Any) -> Iterator[Any]:
    """The twin with its second exchange booted, built and applied to; without it again afterwards."""
    second_exchange(applied.inventory, declared=True)
    try:
        up(applied)
        applied.on_twin("provision", "--limit", SECOND, timeout=900)
        bring(applied, "a second exchange")
        yield applied
    finally:
        second_exchange(applied.inventory, declared=False)
        up(applied)
        bring(applied, "one exchange again")


def up(regency: Any) -> None:
    regency.ops("twin", "up", "-i", str(regency.inventory), "--name", regency.name, timeout=900)


def bring(regency: Any, why: str) -> None:
    plan = regency.json("plan")
    if plan["changes"]:
        regency.on_twin("apply", plan["checksum"], "--reason", why)


@contextmanager
def without_the_first(regency: Any) -> Iterator[None]:
    """While its server has no power."""
    regency.ops("twin", "fault", "kill-host", FIRST, "--name", regency.name)
    try:
        yield
    finally:
        regency.ops("twin", "fault", "start-host", FIRST, "--name", regency.name, timeout=300)


def telephone(regency: Any, number: str, opd: str, hertz: int) -> Agent:
    """As its file has it: both exchanges, the first one first."""
    region: Region = load(regency.inventory)
    secrets = Secrets(regency.state / "twin" / regency.name / "secrets.yml")
    first, second = ((str(region.server(name).address), 5060) for name in (FIRST, SECOND))
    account = Account(number, secrets.get(f"voip/{number}"), region.domain, first, (second,))
    at = str(region.opd(opd).links[0].lan.network_address + call_test.PHONE_HOST)
    return Agent(account, Place(at, f"{regency.name}.{opd}.lan"), hertz)


async def shown(regency: Any, exporter: str, *lines: str) -> None:
    """Until the exporter tells all of these lines."""
    end = time.monotonic() + PATIENCE
    while missing := await asyncio.to_thread(_missing, regency, exporter, lines):
        assert time.monotonic() < end, f"not told: {missing}"
        await asyncio.sleep(2)


def _missing(regency: Any, exporter: str, lines: tuple[str, ...]) -> list[str]:
    text = regency.run("curl", "-sS", "--max-time", "30", f"{exporter}/metrics").stdout
    return [line for line in lines if f"\n{line}\n" not in text]


def digests(regency: Any, host: str) -> dict[str, str]:
    found = regency.on(host, "find /etc/asterisk/current/ -type f -exec sha256sum {} +")
    return {name: digest for digest, name in (line.split() for line in found.splitlines())}


def test_both_hold_the_same_release_and_a_telephones_file_names_both(both: Any) -> None:
    status = both.json("voip", "status")
    assert set(status) == {FIRST, SECOND}
    assert all(one["release"] and one["release"] == one["staged"] for one in status.values())
    first, second = (digests(both, host) for host in (FIRST, SECOND))
    assert [name.rpartition("/")[2] for name in first if first[name] != second.get(name)] == ["_region.transport.conf"]
    assert first.keys() == second.keys()
    files = both.on("dc-web", "grep -rhoE ^account.1.sip_server.[12].address.* /srv/provision/kominfo").splitlines()
    assert {line.split(" = ")[1] for line in files} == {"10.40.0.15", "10.40.8.15"}
    assert both.json("plan")["changes"] == []


def test_a_second_converge_changes_nothing_with_fail2ban_either(both: Any) -> None:
    again = both.json("provision", "--limit", SECOND, timeout=900)
    assert again["complete"]
    assert again["hosts"][SECOND]["changed"] == 0
    assert both.on(SECOND, "systemctl is-active fail2ban").strip() == "active"


def test_when_the_first_is_killed_telephones_and_calls_go_to_the_second_and_come_back(both: Any, exporter: str) -> None:
    async def registered(at: str, **told: int) -> None:
        caller, callee = telephone(both, "20100", "dinkes", 1000), telephone(both, "20200", "disdik", 600)
        async with caller, callee:
            await caller.register()
            await callee.register()
            assert {agent.account.server[0] for agent in (caller, callee)} == {at}
            names = {"first": FIRST, "second": SECOND}
            ups = [f'opd_exchange_up{{host="{names[name]}"}} {float(up)}' for name, up in told.items()]
            offices = [f'opd_phone_registered{{opd="{opd}"}} 1.0' for opd in ("dinkes", "disdik")]
            await shown(both, exporter, *ups, *offices)
            await caller.register(0)
            await callee.register(0)

    asyncio.run(registered("10.40.0.15", first=1, second=1))
    with without_the_first(both):
        report = both.json(*CALL)
        assert report["ok"], report["faults"]
        assert report["exchange"] == SECOND
        asyncio.run(registered("10.40.8.15", first=0, second=1))
    until(lambda: both.json(*CALL)["exchange"] == FIRST)
    asyncio.run(registered("10.40.0.15", first=1, second=1))


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(2)


def test_who_guesses_slowly_is_banned_while_a_call_goes_on(both: Any) -> None:
    """Slower than a flood, so that the rate limit does not see it: fail2ban does, in the security log."""
    server = (str(load(both.inventory).server(SECOND).address), 5060)
    guesser = telephone(both, "20100", "perkim", 1000)
    guesser.account = dataclasses.replace(guesser.account, number="admin", password="falsch", server=server, others=())

    async def guess() -> int:
        for tried in range(TRIES):
            try:
                async with Agent(guesser.account, guesser.place, 1000) as agent:
                    await agent.register()
            except SilentError:
                return tried
            except HostFailedError as error:
                if "401" not in error.what:
                    raise
            await asyncio.sleep(0.3)
        return TRIES

    async def both_at_once() -> tuple[call_test.CallReport, int]:
        pair = telephone(both, "20100", "dinkes", 1000), telephone(both, "20200", "disdik", 600)
        return await asyncio.gather(call_test.between(*pair, TALK, ("dinkes", "disdik")), guess())

    with without_the_first(both):
        report, tried = asyncio.run(both_at_once())
        assert tried < TRIES, "the scanner was never shut out"
        assert report.ok, report.faults
        assert both.on(SECOND, "fail2ban-client get asterisk banip").split() == [guesser.place.address]
        assert guesser.place.address in both.on(SECOND, "nft list set inet kominfo_exchange shut_out")
        assert both.json(*CALL)["ok"]
