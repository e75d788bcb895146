"""Two of our telephones on loopback, without an exchange: calls, busy, lost packets, and what else may arrive."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import Callable

import pytest

from ops.errors import HostFailedError, OpsError
from ops.system.sip import message
from ops.system.sip.agent import Agent
from ops.system.sip.place import Account, Place, towards

HERE = Place("127.0.0.1")


def agent(number: str, hertz: int, port: int = 9) -> Agent:
    """A telephone whose exchange is the one at `port`."""
    return Agent(Account(number, "geheim", "region.example", ("127.0.0.1", port)), HERE, hertz)


class Relay(asyncio.DatagramProtocol):
    """Passes datagrams between a caller and a callee, and loses those that `loses` names."""

    def __init__(self, callee: int, loses: Callable[[bytes, int], bool]) -> None:
        self.callee, self.loses = ("127.0.0.1", callee), loses
        self.caller: tuple[str, int] | None = None
        self.count = 0
        self.seen: list[str] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.count += 1
        got = message.parse(data)
        self.seen.append(got.method or f"{got.status} {got.cseq[1]}")
        if self.loses(data, self.count):
            return
        if addr != self.callee:
            self.caller = addr
            self.transport.sendto(data, self.callee)
        elif self.caller:
            self.transport.sendto(data, self.caller)


async def relayed(callee: Agent, loses: Callable[[bytes, int], bool]) -> Relay:
    relay = Relay(callee._me.port, loses)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: relay, local_addr=("127.0.0.1", 0))
    return relay


def port_of(relay: Relay) -> int:
    return int(relay.transport.get_extra_info("sockname")[1])


async def talk(
    loses: Callable[[bytes, int], bool], seconds: float = 0.6
) -> tuple[dict[int, float], dict[int, float], Relay]:
    """One call through a relay; levels at the caller, at the callee."""
    async with agent("20200", 600) as callee:
        relay = await relayed(callee, loses)
        try:
            async with agent("20100", 1000, port_of(relay)) as caller:
                call = await caller.call("20200", 5)
                answered = await asyncio.wait_for(callee.incoming.get(), 5)
                await asyncio.sleep(seconds)
                here, there = call.media.heard(600, 1000), answered.media.heard(600, 1000)
                await caller.hang_up(call)
                await asyncio.wait_for(answered.ended.wait(), 5)
                assert answered.acknowledged.is_set()
                return here.levels, there.levels, relay
        finally:
            relay.transport.close()


def test_a_call_carries_a_tone_each_way_and_ends_on_both_sides() -> None:
    here, there, relay = asyncio.run(talk(lambda _data, _count: False))
    assert here[600] > -13 > here[1000] + 20
    assert there[1000] > -13 > there[600] + 20
    assert relay.seen == ["INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_lost_invite_answer_or_ack_is_sent_again(lost: int) -> None:
    """Whichever of the first three datagrams is lost, the call stands and is acknowledged."""
    here, there, relay = asyncio.run(talk(lambda _data, count: count == lost, seconds=1.2))
    assert here[600] > -13
    assert there[1000] > -13
    assert len(relay.seen) > 5


def test_a_second_call_hears_busy_and_the_first_goes_on() -> None:
    async def run() -> str:
        async with agent("20200", 600) as callee:
            port = callee._me.port
            async with agent("20100", 1000, port) as first, agent("20101", 1000, port) as second:
                call = await first.call("20200", 5)
                with pytest.raises(HostFailedError) as error:
                    await second.call("20200", 5)
                assert not call.ended.is_set()
                await first.hang_up(call)
                return error.value.what

    assert asyncio.run(run()) == "20101: call to 20200 refused: 486 Busy Here"


def test_nobody_there_says_where_it_asked() -> None:
    async def run() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            async with agent("20100", 1000, silent.getsockname()[1]) as caller:
                await caller.call("20200", 0.3)

    with pytest.raises(HostFailedError, match=r"INVITE: no answer from 127.0.0.1:\d+ within 0.3 s"):
        asyncio.run(run())


def test_when_the_exchange_is_silent_the_next_one_of_the_file_is_asked_and_kept() -> None:
    async def run() -> tuple[tuple[str, int], tuple[str, int]]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            async with agent("20200", 600) as callee, agent("20100", 1000, silent.getsockname()[1]) as caller:
                there = ("127.0.0.1", callee._me.port)
                caller.account = dataclasses.replace(caller.account, others=(there,))
                call = await caller.call("20200", 2)
                await caller.hang_up(call)
                return caller.account.server, there

    server, there = asyncio.run(run())
    assert server == there


async def asked(sent: bytes) -> message.Message:
    """What a telephone answers to these bytes."""
    loop = asyncio.get_running_loop()
    async with agent("20200", 600) as phone:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
            door.setblocking(False)
            door.bind(("127.0.0.1", 0))
            await loop.sock_sendto(door, b"\r\n\r\n", ("127.0.0.1", phone._me.port))  # a keep-alive is no request
            await loop.sock_sendto(door, sent, ("127.0.0.1", phone._me.port))
            return message.parse(await asyncio.wait_for(loop.sock_recv(door, 4096), 5))


def request(method: str, body: bytes = b"") -> bytes:
    headers = (
        ("via", "SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1"),
        ("from", "<sip:a@b>;tag=1"),
        ("to", "<sip:20200@b>"),
        ("call-id", "x"),
        ("cseq", f"1 {method}"),
        ("contact", "<sip:a@127.0.0.1:9>"),
    )
    return message.Message(method, "sip:20200@b", headers=headers, body=body).encode()


@pytest.mark.parametrize(
    ("method", "status"),
    [("OPTIONS", 200), ("NOTIFY", 200), ("BYE", 481), ("CANCEL", 481), ("MESSAGE", 405), ("INVITE", 488)],
)
def test_every_request_is_answered(method: str, status: int) -> None:
    answer = asyncio.run(asked(request(method)))
    assert (answer.status, answer.cseq, answer.branch) == (status, (1, method), "z9hG4bK1")
    assert message.param(answer.get("to"), "tag")


def test_a_repeated_request_gets_the_same_answer() -> None:
    """Word for word, with the same tag: it is the same transaction (RFC 3261 §17.2.2)."""

    async def run() -> list[bytes]:
        loop = asyncio.get_running_loop()
        async with agent("20200", 600) as phone:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
                door.setblocking(False)
                door.bind(("127.0.0.1", 0))
                got = []
                for _ in range(2):
                    await loop.sock_sendto(door, request("OPTIONS"), ("127.0.0.1", phone._me.port))
                    got.append(await asyncio.wait_for(loop.sock_recv(door, 4096), 5))
                return got

    first, second = asyncio.run(run())
    assert first == second


def test_an_address_that_is_not_ours_is_named() -> None:
    async def run() -> None:
        async with Agent(Account("1", "", "b", ("127.0.0.1", 9)), Place("192.0.2.99"), 600):
            pass

    with pytest.raises(OpsError, match=r"SIP socket on 192\.0\.2\.99"):
        asyncio.run(run())


def test_towards_loopback_is_loopback() -> None:
    assert towards(("127.0.0.1", 5060)) == "127.0.0.1"
