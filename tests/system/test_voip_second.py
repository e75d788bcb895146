"""The second exchange on a twin of its own: it holds the same, takes over, and shuts out who guesses passwords."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from second_exchange import second_exchange

from ops.errors import HostFailedError
from ops.inventory.load import load
from ops.jobs import call_test
from ops.system.secrets import Secrets
from ops.system.sip.agent import Agent, SilentError
from ops.system.sip.place import Account, Place

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
OPS = str(Path(sys.executable).parent / "ops")
NAME = f"s{os.getpid()}"
METRICS = "http://10.40.0.10:9800/metrics"
FIRST, SECOND = "dc-pbx", "drc-pbx"
CALL = ("call", "test", "--from", "dinkes", "--to", "disdik", "--seconds", "1")
PATIENCE = 180.0  # seconds until something must show on a busy machine
TRIES = 40  # passwords that a scanner guesses at most
TALK = 20.0  # seconds of a call that goes on meanwhile


class Pair:
    """A twin of the two exchanges and three offices; the other machines are not booted, and named as left out."""

    def __init__(self, folder: Path) -> None:
        self.inventory = folder / "inventories/batubara"
        self.state = Path(os.environ.get("OPS_STATE", folder / "state"))
        shutil.copytree(ROOT / "inventories/batubara", self.inventory)
        second_exchange(self.inventory, declared=True)
        self.environment = {**os.environ, "OPS_STATE": str(self.state)}

    def ops(self, *words: str, codes: Sequence[int] = (0,)) -> str:
        done = subprocess.run(
            [OPS, *words], capture_output=True, text=True, timeout=900, check=False, cwd=ROOT, env=self.environment
        )
        assert done.returncode in codes, f"{words}: {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
        return done.stdout

    def on_twin(self, *words: str) -> str:
        """6: some machine is not there; whether what was asked was done, the answer says."""
        return self.ops(*words, "--twin", NAME, "-i", str(self.inventory), codes=(0, 6))

    def json(self, *words: str) -> Any:
        return json.loads(self.on_twin(*words, "--json"))

    def on(self, server: str, command: str) -> str:
        """Run a command line on a server, as root; what it wrote."""
        return self.ops("twin", "ssh", "--name", NAME, server, "--", "sudo", *command.split())

    def metrics(self) -> str:
        words = ["ip", "netns", "exec", f"{NAME}.station", "curl", "-sS", "--max-time", "30", METRICS]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False).stdout

    def left(self) -> list[str]:
        """What a plan still has for the exchanges."""
        return [one["key"] for one in self.json("plan")["changes"] if one["kind"] == "pbx-config"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Booted, built and applied to."""
    pair = Pair(tmp_path_factory.mktemp("second"))
    only, opds = f"{FIRST},{SECOND}", "dinkes,disdik,perkim"
    try:
        pair.ops("twin", "up", "-i", str(pair.inventory), "--name", NAME, "--only", only, "--opd", opds)
        built = pair.json("provision", "--limit", "pbx")["hosts"]
        assert {name: host["error"] for name, host in built.items()} == {FIRST: "", SECOND: ""}
        pair.on_twin("apply", pair.json("plan")["checksum"], "--reason", "first build")
        yield pair
    finally:
        pair.ops("twin", "down", "--name", NAME)


@pytest.fixture(scope="module")
def exporter(both: Pair) -> Iterator[None]:
    words = [OPS, "exporter", "serve", "--twin", NAME, "-i", str(both.inventory)]
    child = subprocess.Popen(words, env=both.environment, cwd=ROOT)
    try:
        yield
    finally:
        child.terminate()
        child.wait(30)


@contextmanager
def without_the_first(pair: Pair) -> Iterator[None]:
    """While its server has no power."""
    pair.ops("twin", "fault", "kill-host", FIRST, "--name", NAME)
    try:
        yield
    finally:
        pair.ops("twin", "fault", "start-host", FIRST, "--name", NAME)


def telephone(pair: Pair, number: str, opd: str, hertz: int) -> Agent:
    """As its file has it: both exchanges, the first one first."""
    region = load(pair.inventory)
    secrets = Secrets(pair.state / "twin" / NAME / "secrets.yml")
    first, second = ((str(region.server(name).address), 5060) for name in (FIRST, SECOND))
    account = Account(number, secrets.get(f"voip/{number}"), region.domain, first, (second,))
    at = str(region.opd(opd).links[0].lan.network_address + call_test.PHONE_HOST)
    return Agent(account, Place(at, f"{NAME}.{opd}.lan"), hertz)


async def told(pair: Pair, *lines: str) -> None:
    """Until the exporter tells all of these lines."""
    end = time.monotonic() + PATIENCE
    while missing := [line for line in lines if f"\n{line}\n" not in await asyncio.to_thread(pair.metrics)]:
        assert time.monotonic() < end, f"not told: {missing}"
        await asyncio.sleep(2)


def digests(pair: Pair, host: str) -> dict[str, str]:
    found = pair.on(host, "find /etc/asterisk/current/ -type f -exec sha256sum {} +")
    return {name: digest for digest, name in (line.split() for line in found.splitlines())}


def test_both_hold_the_same_release_but_for_their_own_address(both: Pair) -> None:
    status = both.json("voip", "status")
    assert set(status) == {FIRST, SECOND}
    assert all(one["release"] and one["release"] == one["staged"] for one in status.values())
    first, second = (digests(both, host) for host in (FIRST, SECOND))
    assert [name.rpartition("/")[2] for name in first if first[name] != second.get(name)] == ["_region.transport.conf"]
    assert first.keys() == second.keys()
    assert both.left() == []


def test_a_second_converge_changes_nothing_with_fail2ban_either(both: Pair) -> None:
    again = both.json("provision", "--limit", "pbx")
    assert again["complete"]
    assert {name: host["changed"] for name, host in again["hosts"].items()} == {FIRST: 0, SECOND: 0}
    assert both.on(SECOND, "systemctl is-active fail2ban").strip() == "active"


def test_when_the_first_is_killed_telephones_and_calls_go_to_the_second_and_come_back(
    both: Pair, exporter: None
) -> None:
    async def registered(at: str, **so: int) -> None:
        caller, callee = telephone(both, "20100", "dinkes", 1000), telephone(both, "20200", "disdik", 600)
        async with caller, callee:
            await caller.register()
            await callee.register()
            assert {agent.account.server[0] for agent in (caller, callee)} == {at}
            names = {"first": FIRST, "second": SECOND}
            ups = [f'opd_exchange_up{{host="{names[name]}"}} {float(up)}' for name, up in so.items()]
            offices = [f'opd_phone_registered{{opd="{opd}"}} 1.0' for opd in ("dinkes", "disdik")]
            await told(both, *ups, *offices)
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


def test_who_guesses_slowly_is_banned_while_a_call_goes_on(both: Pair) -> None:
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
