"""The rendered telephony on a real Asterisk: what was planned is there, two offices talk, faults change nothing."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from throwaway_asterisk import Exchange, complaints, desk, exchange, phone

from ops.derive import pbx
from ops.errors import HostFailedError
from ops.inventory.load import load
from ops.inventory.model import Opd, Phone, Region
from ops.jobs import call_test
from ops.plan.change import Artifact
from ops.system.process import run
from ops.system.sip.agent import Agent

pytestmark = pytest.mark.system
INVENTORY = Path(__file__).parents[2] / "inventories/batubara"


@pytest.fixture(scope="module")
def region() -> Region:
    return load(INVENTORY)


@pytest.fixture(scope="module")
def files(region: Region) -> list[Artifact]:
    return list(pbx.artifacts(region))


@pytest.fixture(scope="module")
def running(region: Region, files: list[Artifact]) -> Iterator[Exchange]:
    """An exchange with everything applied before its start; dinkes' and disdik's desks are addresses beside it."""
    desks = [desk(region.opd("dinkes")), desk(region.opd("disdik"))]
    with exchange(files, [str(region.server("dc-pbx").address), str(region.station.address), *desks]) as started:
        yield started


def first(opd: Opd) -> str:
    assert opd.phones
    return next(declared.number for declared in opd.phones.extensions if declared.mac)


def endpoints(running: Exchange) -> set[str]:
    lines = running.cli("pjsip show endpoints").splitlines()
    return {line.split()[1].partition("/")[0] for line in lines if line.strip().startswith("Endpoint:  2")}


def planned(region: Region) -> set[str]:
    return {declared.number for opd in region.opds for declared in pbx.telephones(opd.phones)}


def test_a_start_shows_every_planned_endpoint_and_no_complaint(running: Exchange, region: Region) -> None:
    assert endpoints(running) == planned(region)
    shown = running.cli("pjsip show auth 20100")
    assert "MD5:" in shown
    assert running.secrets.get("voip/20100") not in shown
    assert not [line for line in complaints(running) if "loader" in line or "config" in line]


def test_every_office_reaches_emergency_numbers_first(running: Exchange, region: Region) -> None:
    for opd in (region.opds[0], region.opds[-1]):
        for number in region.numbering.emergency:
            found = running.cli(f"dialplan show {number}@opd-{opd.code}")
            assert "Included context 'kominfo-emergency'" in found
            assert "1 extension (1 priority) in 1 context" in found, "something else matches an emergency number too"


def test_two_offices_talk_both_ways(running: Exchange, region: Region) -> None:
    dinkes, disdik = region.opd("dinkes"), region.opd("disdik")
    caller = phone(running, region, first(dinkes), desk(dinkes), call_test.CALLER_HZ)
    callee = phone(running, region, first(disdik), desk(disdik), call_test.CALLEE_HZ)
    report = asyncio.run(call_test.between(caller, callee, 2, ("dinkes", "disdik")))
    assert report.ok, report.faults
    assert report.there
    assert report.there.lost == report.back.lost == 0
    assert (report.there.tone_hz, report.back.tone_hz) == (1000, 600)
    assert "No objects found" in running.cli("pjsip show contacts"), "both took their registration back"


def test_a_desk_that_is_not_there_rings_its_reception(running: Exchange, region: Region) -> None:
    dinkes, disdik = region.opd("dinkes"), region.opd("disdik")

    async def run() -> str:
        reception = phone(running, region, "20200", desk(disdik), 600)
        caller = phone(running, region, "20100", desk(dinkes), 1000)
        async with reception, caller:
            await reception.register()
            call = await caller.call("20202")
            answered = await asyncio.wait_for(reception.incoming.get(), 5)
            await reception.hang_up(answered)
            await asyncio.wait_for(call.ended.wait(), 5)
            await reception.register(0)
            return answered.dialog.remote

    assert "20100" in asyncio.run(run())


def test_sound_that_does_not_arrive_is_a_bad_call(running: Exchange, region: Region) -> None:
    """The callee's sound is dropped on its way: the verdict names that direction and no other."""
    dinkes, disdik = region.opd("dinkes"), region.opd("disdik")
    caller = phone(running, region, first(dinkes), desk(dinkes), call_test.CALLER_HZ)
    callee = phone(running, region, first(disdik), desk(disdik), call_test.CALLEE_HZ)
    rules = f"ip saddr {desk(disdik)} udp dport 10000-19999 drop"
    inside = ["ip", "netns", "exec", running.namespace, "nft"]
    run([*inside, "add table inet bad; add chain inet bad out { type filter hook output priority 0; }"]).must()
    try:
        run([*inside, f"add rule inet bad out {rules}"]).must()
        report = asyncio.run(call_test.between(caller, callee, 1, ("dinkes", "disdik")))
    finally:
        run([*inside, "delete table inet bad"])
    assert not report.ok
    assert report.back.received == 0
    assert report.back.level_db == -99.0
    assert all(fault.startswith("dinkes hears disdik:") for fault in report.faults), report.faults


def test_the_station_hears_its_own_tone_from_a_test_extension(running: Exchange, region: Region) -> None:
    caller = phone(running, region, "20100", str(region.station.address), call_test.CALLER_HZ)
    report = asyncio.run(call_test.echoed(caller, "20298", 1, ("dinkes", "disdik")))
    assert report.ok, report.faults
    assert report.there is None


async def refused(agent: Agent, number: str) -> str:
    async with agent:
        with pytest.raises(HostFailedError) as error:
            await agent.call(number, 3)
        return str(error.value)


async def registered(agent: Agent) -> None:
    async with agent:
        await agent.register()


@pytest.mark.parametrize(
    ("number", "why"),
    [("20150", "404 Not Found"), ("29999", "404 Not Found"), ("20201", "480 Temporarily Unavailable")],
)
def test_calls_that_can_not_be_say_why(running: Exchange, region: Region, number: str, why: str) -> None:
    at = desk(region.opd("dinkes"))
    assert why in asyncio.run(refused(phone(running, region, "20100", at, 1000), number))


def test_an_emergency_call_stops_at_the_mock_and_rings_nobody(running: Exchange, region: Region) -> None:
    at = desk(region.opd("dinkes"))
    assert "no answer" in asyncio.run(refused(phone(running, region, "20100", at, 1000), "112"))
    assert "emergency number 112 dialled by 20100: no trunk is declared" in running.log()


def test_a_wrong_password_and_a_foreign_network_are_refused(running: Exchange, region: Region) -> None:
    dinkes, disdik = desk(region.opd("dinkes")), desk(region.opd("disdik"))
    wrong = phone(running, region, "20100", dinkes, 1000)
    wrong.account = dataclasses.replace(wrong.account, password="falsch")
    assert "401" in asyncio.run(refused(wrong, "20298"))
    assert "401" in asyncio.run(refused(phone(running, region, "20100", disdik, 1000), "20298"))


@pytest.mark.parametrize("name", ["anonymous", "21999", "asterisk", "opd-dinkes", "kominfo-phone"])
def test_a_stranger_calls_nobody_and_registers_nowhere(running: Exchange, region: Region, name: str) -> None:
    stranger = phone(running, region, name, desk(region.opd("dinkes")), 1000)
    assert "401" in asyncio.run(refused(stranger, "20298"))
    assert "401" in asyncio.run(refused(stranger, "112"))
    with pytest.raises(HostFailedError, match="401"):
        asyncio.run(registered(phone(running, region, name, desk(region.opd("dinkes")), 1000)))


@pytest.mark.parametrize("number", ["081234567890", "+6281234567890", "00442079460000", "9112", "1", "s"])
def test_nothing_leads_outside(running: Exchange, region: Region, number: str) -> None:
    said = asyncio.run(refused(phone(running, region, "20100", desk(region.opd("dinkes")), 1000), number))
    assert "404 Not Found" in said or "484 Address Incomplete" in said


def test_a_bare_exchange_boots_and_what_is_applied_later_holds_after_a_reload(
    region: Region, files: list[Artifact]
) -> None:
    """From nothing to everything, one office less, and back: each time what is read back is what was planned."""
    address = str(region.server("dc-pbx").address)
    with exchange([], [address, str(region.station.address)]) as bare:
        assert endpoints(bare) == set()
        bare.put(files)
        assert bare.take_up() == ""
        assert endpoints(bare) == planned(region)
        assert "transport-udp" in bare.cli("pjsip show transports")
        leaver = phone(bare, region, "20100", str(region.station.address), 1000)
        asyncio.run(registered(leaver))
        assert "20100/sip:20100@" in bare.cli("pjsip show contacts")
        without = region.model_copy(update={"opds": tuple(opd for opd in region.opds if opd.code != "dinkes")})
        bare.put(pbx.artifacts(without))
        for kind in pbx.TYPES:
            (bare.etc() / f"kominfo/dinkes.{kind}.conf").unlink()
        assert bare.take_up() == ""
        assert endpoints(bare) == planned(without)
        assert "20100" not in bare.cli("database show registrar"), "a telephone that is gone leaves no registration"
        assert "no existence of 'opd-dinkes'" in bare.cli("dialplan show opd-dinkes")
        bare.put(files)
        assert bare.take_up() == ""
        assert endpoints(bare) == planned(region)
        assert complaints(bare) == []


@pytest.mark.parametrize("damage", ["\n[20100\nbroken\n", "\n[20999](kominfo-phone)\nno_such_option=yes\n"])
def test_a_broken_file_changes_nothing(running: Exchange, region: Region, files: list[Artifact], damage: str) -> None:
    mine = next(artifact for artifact in files if artifact.key.endswith("/dinkes.endpoint.conf"))
    running.put([dataclasses.replace(mine, content=mine.content + damage)])
    said, found = running.take_up(), endpoints(running)
    running.put([mine])
    assert running.take_up() == ""
    assert "error: refused, and the exchange keeps what it had" in said
    assert found == endpoints(running) == planned(region)


def test_an_odd_name_arrives_as_it_was_meant(running: Exchange, files: list[Artifact]) -> None:
    """`;` and `;--` begin comments, quotes end names: after the exchange's own reader the name is whole."""
    odd = 'A;b "c" \\ <d>, ${E}, é & [x] (y) --; ;-- |#'
    mine = next(artifact for artifact in files if artifact.key.endswith("/dinkes.endpoint.conf"))
    lines = [
        f"callerid={pbx.caller_id(Phone(number='20100', name=odd))}" if line.endswith("<20100>") else line
        for line in mine.content.split("\n")
    ]
    running.put([dataclasses.replace(mine, content="\n".join(lines))])
    assert running.take_up() == ""
    shown = running.cli("pjsip show endpoint 20100")
    running.put([mine])
    assert running.take_up() == ""
    assert "\"A;b 'c' / <d>, ${E}, é & [x] (y) --; ;-- |#\" <20100>" in shown
