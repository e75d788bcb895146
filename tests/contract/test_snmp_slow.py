"""Agents that take seconds for an answer (Nokia ISAM: three to five): waited for as their profile says, or learned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from snmp_rig import REGION, Box, farm, values
from snmp_v3_rig import Guard

from exporters.cycle import Cycle
from exporters.device import Polled
from ops.catalogue.device import device
from ops.errors import HostFailedError
from ops.system import snmp_patience
from ops.system.snmp import Login, SnmpDevice, SnmpLogin, SnmpUser

UPTIME = "1.3.6.1.2.1.1.3.0"
SECONDS = 4.0
USER = SnmpUser("pemantau", "auth-canary-11", "sha256", "aes128", "priv-canary-22")
PLAIN = SnmpLogin("public")
ENOUGH = 120.0  # seconds; a busy machine
Answer = Callable[[bytes], bytes | None]


class Slow(asyncio.DatagramProtocol):
    """Answers every packet, `delay` seconds after it came."""

    def __init__(self, answer: Answer, delay: float) -> None:
        self._answer, self._delay = answer, delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, raw: bytes, sender: tuple[str, int]) -> None:
        if reply := self._answer(raw):
            asyncio.get_running_loop().call_later(self._delay, self._transport.sendto, reply, sender)  # type: ignore[attr-defined]


def answers(login: Login) -> Answer:
    box = Box()

    def plain(raw: bytes) -> bytes | None:
        return next(iter(box.answers(raw)), None)

    return Guard(plain).reply if isinstance(login, SnmpUser) else plain


@asynccontextmanager
async def slow(login: Login, delay: float, patience: float = 0.0) -> AsyncIterator[SnmpDevice]:
    made = asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Slow(answers(login), delay), local_addr=("127.0.0.1", 0)
    )
    transport, _ = await made
    asked = SnmpDevice("slow", "127.0.0.1", login, transport.get_extra_info("sockname")[1], patience=patience)
    try:
        yield asked
    finally:
        asked.close()
        transport.close()


def test_a_profile_that_asks_for_patience_gets_it_over_v2c_and_v3() -> None:
    patience = device("nokia_isam").patience
    assert patience >= 10

    async def ask(login: Login) -> tuple[object, int]:
        async with slow(login, SECONDS, patience) as asked:
            return await asked.get([UPTIME]), asked.tally.retries

    async def both() -> list[tuple[object, int]]:
        return await asyncio.gather(ask(PLAIN), ask(USER))

    assert asyncio.run(both()) == [({UPTIME: 100_000}, 0)] * 2


@pytest.mark.parametrize(("login", "takes"), [(PLAIN, 0.9), (USER, 0.6)], ids=["v2c", "v3"])
def test_one_that_is_slower_than_anyone_said_is_learned(
    login: Login, takes: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth of the times that hold outside: the first time it is waited for 0.35 s (v2c: a little longer)."""
    monkeypatch.setattr(snmp_patience, "PATIENCE", tuple(wait / 10 for wait in snmp_patience.PATIENCE))

    async def ask() -> int:
        async with slow(login, takes) as asked:
            end, failed, answered = time.monotonic() + ENOUGH, 0, 0
            while time.monotonic() < end and answered < 3:
                try:
                    assert await asked.get([UPTIME]) == {UPTIME: 100_000}
                    answered += 1
                except HostFailedError:
                    failed += 1
            assert answered == 3
            assert asked.slow > 0.2
            return failed

    assert 0 < asyncio.run(ask()) <= 20


def test_such_a_device_is_asked_beside_the_cycle_and_tells_its_last_answer() -> None:
    """Its profile says so: it is never waited for, not even the first time."""

    async def run(port: int) -> list[bool]:
        asked = SnmpDevice("d0-rtr1", "127.80.0.1", PLAIN, port, patience=10.0)
        cycle = Cycle([Polled(asked, made.polled(0)._watched, REGION.plant, echoes=False)])
        texts = []
        for _ in range(2):
            texts.append(await cycle.run())
            assert len(cycle._asked) == 1, "it is waited for"
            await asyncio.wait_for(cycle.settled(), ENOUGH)
        await cycle.close()
        return [("d0-rtr1", "sfp1") in values(text, "opd_interface_receive_bytes_total") for text in texts]

    with farm([Box()]) as made:
        assert asyncio.run(run(made.port)) == [False, True]
