"""The way outside on a real Asterisk, with a stand-in provider: classes, limits, emergency, what comes in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Self

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


@pytest.fixture(autouse=True)
def quiet(running: Exchange) -> None:
    """The calls of the test before are over for the exchange, too."""
    end = time.monotonic() + LONG
    while "0 active channels" not in running.cli("core show channels count"):
        assert time.monotonic() < end
        time.sleep(0.1)


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


class Providers(Provider):
    """Takes many calls at once; only the last one is told that it is over, which those who called know better."""

    def _asked(self, message: Message, source: Endpoint) -> None:
        if message.method == "INVITE":
            self._call = None
        super()._asked(message, source)


class Ringing(Agent):
    """Rings, and nobody takes it up."""

    async def _ring(self, invite: Message, source: Endpoint) -> None:
        self._say(invite, source, 180, "Ringing")
        self.rang.set()

    async def __aenter__(self) -> Self:
        self.rang = asyncio.Event()
        return await super().__aenter__()


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


def test_calls_from_outside_leave_the_channels_of_emergencies_free(running: Exchange, plan: Region) -> None:
    """Three channels, two for emergencies: a second call from outside is refused, and an emergency call goes out."""

    async def run() -> None:
        async with (
            Provider(running, plan) as outside,
            beside(running, plan) as again,
            dinkes(running, plan) as caller,
        ):
            taken = await outside.call(SHOWN)  # the menu answers
            assert "refused: 503" in await refused(again, SHOWN)
            assert "refused: 503" in await refused(caller, "4105550")
            await refused(caller, "113")  # the stand-in is busy: that it was asked is what counts
            assert outside.asked == ["113"]
            await outside.hang_up(taken)

    asyncio.run(run())


def beside(running: Exchange, plan: Region) -> Agent:
    """Another call of the same provider."""
    server = (str(plan.server("dc-pbx").address), 5060)
    return Agent(Account("telko", "", plan.domain, server), Place(PROVIDER, running.namespace, 5062), 600)


def test_calls_side_by_side_do_not_talk_longer_than_the_days_minutes(running: Exchange, plan: Region) -> None:
    """A class of two calls and one minute, of which six seconds are left: both calls together get no more."""
    wider = plan.numbering.trunks[0].model_copy(update={"channels": 10})
    classes = tuple(one.model_copy(update={"minutes": 1}) for one in plan.numbering.classes)
    numbering = plan.numbering.model_copy(update={"trunks": (wider,), "classes": classes})
    running.put(pbx.artifacts(plan.model_copy(update={"numbering": numbering})))
    assert running.take_up() == ""

    def kept() -> list[str]:
        return running.cli("database get kominfo-seconds 20101").rpartition("Value: ")[2].strip().split(":")

    async def run() -> None:
        async with (
            Providers(running, plan),
            dinkes(running, plan, "20101") as one,
            dinkes(running, plan, "20101") as two,
        ):
            await one.hang_up(await one.call("4105550"))
            end = asyncio.get_running_loop().time() + LONG
            while len(kept()) < 2 and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 # another program's
                await asyncio.sleep(0.1)
            running.cli(f"database put kominfo-seconds 20101 {kept()[0]}:54")
            calls = [await one.call("4105551"), await two.call("4105552")]
            for call in calls:
                await asyncio.wait_for(call.ended.wait(), LONG)
            while "KOMINFO_HELD_20101=0\n" not in running.cli("dialplan show globals") + "\n":
                assert asyncio.get_running_loop().time() < end + LONG
                await asyncio.sleep(0.1)
            assert 56 <= int(kept()[1]) <= 60
            running.cli(f"database put kominfo-seconds 20101 {kept()[0]}:60")
            assert "refused: 503" in await refused(one, "4105553")

    asyncio.run(run())
    running.cli("database del kominfo-seconds 20101")
    running.put(pbx.artifacts(plan))
    assert running.take_up() == ""


def test_a_call_that_rings_is_picked_up_by_the_same_office_only(running: Exchange, plan: Region) -> None:
    station = str(plan.station.address)

    async def run() -> None:
        plain = dinkes(running, plan, "20102")
        async with (
            Ringing(plain.account, plain.place, 600) as rung,
            dinkes(running, plan) as picker,
            phone(running, plan, "20200", station, 1000) as caller,
            phone(running, plan, "20202", station, 1000) as stranger,
        ):
            await rung.register()
            calling = asyncio.create_task(caller.call("20102"))
            await asyncio.wait_for(rung.rang.wait(), LONG)
            await refused(stranger, "*8")
            assert not calling.done()
            picked = await picker.call("*8")
            call = await calling
            assert "2 active channels" in running.cli("core show channels count")
            await caller.hang_up(call)
            await asyncio.wait_for(picked.ended.wait(), LONG)
            await rung.register(0)

    asyncio.run(run())
