"""The way outside on a real Asterisk, with a stand-in provider: classes, limits, emergency, what comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
from telephone_plan import PROVIDER, SHOWN, region
from throwaway_asterisk import Exchange, complaints, desk, exchange, phone

from ops.derive import pbx
from ops.errors import HostFailedError
from ops.inventory.model import Region
from ops.system.sip.agent import Agent, Call
from ops.system.sip.message import Message
from ops.system.sip.place import Account, Place
from ops.system.sip.wire import Endpoint

pytestmark = pytest.mark.system
LONG = 30.0


@pytest.fixture(scope="module")
def plan() -> Region:
    return region("national")


@pytest.fixture(scope="module")
def running(plan: Region) -> Iterator[Exchange]:
    addresses = [str(plan.server("dc-pbx").address), str(plan.station.address), desk(plan.opd("dinkes")), PROVIDER]
    with exchange(list(pbx.artifacts(plan)), addresses) as started:
        yield started


class Provider(Agent):
    """Answers what is called over the trunk, one call at a time; knows all that it was asked for."""

    def __init__(self, running: Exchange, plan: Region) -> None:
        server = (str(plan.server("dc-pbx").address), 5060)
        super().__init__(Account("telko", "", plan.domain, server), Place(PROVIDER, running.namespace, 5060), 600)
        self.asked: list[str] = []

    def _asked(self, message: Message, source: Endpoint) -> None:
        if message.method == "INVITE":
            self.asked.append(message.uri.partition(":")[2].partition("@")[0])
        super()._asked(message, source)


def dinkes(running: Exchange, plan: Region, number: str = "20100") -> Agent:
    return phone(running, plan, number, desk(plan.opd("dinkes")), 1000)


@asynccontextmanager
async def talking(caller: Agent, callee: Agent, number: str) -> AsyncIterator[Call]:
    """A call that goes on; what is given is the callee's end of it."""
    call = await caller.call(number)
    answered = await asyncio.wait_for(callee.incoming.get(), LONG)
    try:
        yield answered
    finally:
        await caller.hang_up(call)
        with suppress(TimeoutError):
            await asyncio.wait_for(answered.ended.wait(), LONG)


async def refused(caller: Agent, number: str) -> str:
    with pytest.raises(HostFailedError) as error:
        await caller.call(number)
    return str(error.value)


def test_the_exchange_holds_the_trunk_and_complains_of_nothing(running: Exchange) -> None:
    assert "trunk-telko" in running.cli("pjsip show endpoints")
    assert f"{PROVIDER}/32" in running.cli("pjsip show identify trunk-telko")
    assert running.take_up() == ""
    assert not [line for line in complaints(running) if "loader" in line or "config" in line]


def test_an_extension_calls_what_its_class_allows_with_its_offices_number(running: Exchange, plan: Region) -> None:
    async def run() -> None:
        async with Provider(running, plan) as outside, dinkes(running, plan) as caller:
            async with talking(caller, outside, "4105550") as answered:
                assert SHOWN in answered.dialog.remote
            assert set(outside.asked) == {"06224105550"}, "in the provider's form"

    asyncio.run(run())


def test_a_number_that_the_class_does_not_allow_is_refused(running: Exchange, plan: Region) -> None:
    async def run() -> None:
        async with Provider(running, plan) as outside, dinkes(running, plan) as caller:
            assert "refused: 403" in await refused(caller, "081234567890")  # its class is for the town
            assert outside.asked == []

    asyncio.run(run())


def test_a_second_call_beyond_the_limit_is_refused_but_an_emergency_call_goes_out(
    running: Exchange, plan: Region
) -> None:
    """The trunk has three channels, two of them for emergencies: one ordinary call uses up all others."""

    async def run() -> None:
        async with (
            Provider(running, plan) as outside,
            dinkes(running, plan) as first,
            dinkes(running, plan) as second,
            talking(first, outside, "4105550"),
        ):
            assert "refused: 503" in await refused(second, "4105551")
            assert "06224105551" not in outside.asked
            for number in sorted(set(plan.numbering.emergency) - {"112"}):
                await refused(second, number)  # the stand-in is busy: that it was asked is what counts
                assert number in outside.asked

    asyncio.run(run())


def test_a_direct_number_rings_its_menu_and_out_of_hours_the_reception(running: Exchange, plan: Region) -> None:
    async def run() -> None:
        async with Provider(running, plan) as outside, dinkes(running, plan) as reception:
            await reception.register()
            call = await outside.call(SHOWN)  # the menu answers; nobody presses a key, so the reception rings
            answered = await asyncio.wait_for(reception.incoming.get(), 60)
            await outside.hang_up(call)
            with suppress(TimeoutError):
                await asyncio.wait_for(answered.ended.wait(), LONG)
            assert "refused: 404" in await refused(outside, "+62622410099")
            await reception.register(0)

    asyncio.run(run())


def test_112_rings_the_call_centre_and_goes_out_when_nobody_is_there(running: Exchange, plan: Region) -> None:
    async def run() -> None:
        async with Provider(running, plan) as outside, dinkes(running, plan) as caller:
            async with talking(caller, outside, "112") as answered:  # nobody of the group is registered
                assert "112" in answered.dialog.local
                assert SHOWN in answered.dialog.remote
            async with dinkes(running, plan, "20102") as centre:
                await centre.register()
                async with talking(caller, centre, "112"):
                    assert outside.incoming.empty()
                await centre.register(0)

    asyncio.run(run())
