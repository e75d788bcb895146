"""A scanner floods a real Asterisk with REGISTER and INVITE: it is shut out, and calls go on."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from throwaway_asterisk import ROLE, Exchange, desk, exchange, phone

from ops.derive import pbx
from ops.derive.ansible_vars import region_variables
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.jobs import call_test
from ops.system.process import Ask, run
from ops.system.sip.place import Place, open_udp

pytestmark = pytest.mark.system
INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
SCANNER = "10.41.1.66"  # inside an office: the firewall would not even let others in
FLOOD = 3000  # packets
PATIENCE = 30.0
_ASK = (
    "{method} sip:{user}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {me}:{port};branch=z9hG4bK{n}\r\nMax-Forwards: 70\r\n"
    "From: <sip:{user}@{server}>;tag={n}\r\nTo: <sip:{user}@{server}>\r\nCall-ID: {n}@{me}\r\nCSeq: 1 {method}\r\n"
    "Contact: <sip:{user}@{me}:{port}>\r\nUser-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture(scope="module")
def region() -> Region:
    return load(INVENTORY)


@pytest.fixture(scope="module")
def running(region: Region) -> Iterator[Exchange]:
    desks = [desk(region.opd(code)) for code in ("dinkes", "disdik")]
    server = str(region.server("dc-pbx").address)
    with exchange(list(pbx.artifacts(region)), [server, str(region.station.address), *desks, SCANNER]) as started:
        yield started


@pytest.fixture
def scanner(running: Exchange) -> Iterator[socket.socket]:
    with open_udp(Place(SCANNER, running.namespace), "scanner") as door:
        yield door


def guard(running: Exchange, region: Region) -> None:
    """Load the role's own rules into the exchange's namespace."""
    template = (ROLE / "templates/guard.nft.j2").read_text(encoding="utf-8")
    known = {"pbx_sip_rate": 30, "pbx_sip_burst": 150, "pbx_shut_out": "10m"}
    rules = jinja2.Template(template).render(kominfo_region=region_variables(region), **known)
    run(["ip", "netns", "exec", running.namespace, "nft", "-f", "-"], Ask(input=rules)).must("the guard's rules")


def shut_out(running: Exchange) -> set[str]:
    words = ["nft", "-j", "list", "set", "inet", "kominfo_exchange", "shut_out"]
    told = json.loads(run(["ip", "netns", "exec", running.namespace, *words]).must().out)
    found = next(one["set"] for one in told["nftables"] if "set" in one).get("elem", [])
    return {one["elem"]["val"] if isinstance(one, dict) else one for one in found}


def ask(door: socket.socket, region: Region, method: str, number: int) -> None:
    server, (me, port) = str(region.server("dc-pbx").address), door.getsockname()
    words = {"method": method, "user": 20000 + number % 999, "server": server, "me": me, "port": port, "n": number}
    door.sendto(_ASK.format(**words).encode(), (server, 5060))


def answered(door: socket.socket, region: Region, seconds: float) -> bool:
    """Whether a REGISTER of the scanner is answered at all."""
    while True:
        try:
            door.recv(65536)  # answers to what was asked before
        except BlockingIOError:
            break
    ask(door, region, "REGISTER", int(time.time() * 1000))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return bool(door.recv(65536))
        except BlockingIOError:
            time.sleep(0.05)
    return False


def complaints(running: Exchange) -> int:
    log = Path(f"/proc/{running.pid}/root/var/log/asterisk/security.log")
    return log.read_text(encoding="utf-8").count(f"IPV4/UDP/{SCANNER}/")


def test_a_scanner_is_shut_out_while_a_call_goes_on(running: Exchange, region: Region, scanner: socket.socket) -> None:
    dinkes, disdik = region.opd("dinkes"), region.opd("disdik")
    caller = phone(running, region, "20100", desk(dinkes), call_test.CALLER_HZ)
    callee = phone(running, region, "20200", desk(disdik), call_test.CALLEE_HZ)
    assert answered(scanner, region, PATIENCE), "without the guard everybody is answered"
    guard(running, region)

    async def flood() -> None:
        for at in range(FLOOD):
            ask(scanner, region, "REGISTER" if at % 2 else "INVITE", at)
            if at % 50 == 0:
                await asyncio.sleep(0.02)

    async def both() -> tuple[call_test.CallReport, None]:
        return await asyncio.gather(call_test.between(caller, callee, 3, ("dinkes", "disdik")), flood())

    report, _ = asyncio.run(both())
    assert report.ok, report.faults
    assert shut_out(running) == {SCANNER}
    assert not answered(scanner, region, 2)
    assert complaints(running) < FLOOD / 5, "most of it never reached Asterisk"

    async def register() -> None:
        async with phone(running, region, "20101", desk(dinkes), 1000) as other:
            await other.register()
            await other.register(0)

    asyncio.run(register())


def test_the_provider_the_station_and_the_servers_are_never_shut_out(region: Region) -> None:
    template = (ROLE / "templates/guard.nft.j2").read_text(encoding="utf-8")
    known = {**region_variables(region), "trunks": ["10.90.0.1", "10.90.0.2"]}
    rules = jinja2.Template(template).render(kominfo_region=known, pbx_sip_rate=1, pbx_sip_burst=1, pbx_shut_out="1m")
    trusted = next(line for line in rules.splitlines() if "elements" in line)
    assert "10.40.0.10, 10.40.0.0/24, 10.40.8.0/24, 10.90.0.1, 10.90.0.2 }" in trusted
