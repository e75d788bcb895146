"""What `ops.system.snmp` promises, against agents on real sockets: a good one and those that misbehave."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from ops.errors import HostFailedError
from ops.system import snmp_patience
from ops.system.ber import Message, Oid, Pdu, Tag, Value, decode, encode, oid
from ops.system.snmp import SnmpDevice, SnmpLogin
from ops.system.sockets import listen_udp

ROWS = {(1, 3, 6, 1, 2, 1, 9, column, row): Value(Tag.COUNTER64, 2**63 + row) for column in (1, 2) for row in range(60)}
UPTIME = oid("1.3.6.1.2.1.1.3.0")
GOOD: dict[Oid, Value] = {UPTIME: Value(Tag.TIMETICKS, 4_000_000_000), **ROWS}
Behave = Callable[[Message], list[bytes]]


def reply(asked: Message, found: list[tuple[Oid, Value]], status: int = 0, shift: int = 0) -> bytes:
    return encode(Message(asked.community, Pdu.RESPONSE, asked.request + shift, status, 0, tuple(found)))


def good(asked: Message) -> list[bytes]:
    if asked.pdu is Pdu.GET:
        return [reply(asked, [(name, GOOD.get(name, Value(Tag.NO_SUCH_INSTANCE))) for name, _ in asked.varbinds])]
    after = [(name, value) for name, value in sorted(GOOD.items()) if name > asked.varbinds[0][0]]
    rows = after[: asked.index] or [(asked.varbinds[0][0], Value(Tag.END_OF_MIB_VIEW))]
    return [reply(asked, rows)]


@contextmanager
def agent(behave: Behave) -> Iterator[tuple[SnmpDevice, list[Message]]]:
    """A device whose agent does what `behave` says, and the questions that it was asked."""
    seen: list[Message] = []
    with closing(listen_udp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)

        def serve() -> None:
            while True:
                raw, sender = opened.recvfrom(65_535)
                if raw == b"end":
                    return
                seen.append(decode(raw))
                for answer in behave(seen[-1]):
                    opened.sendto(answer, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield SnmpDevice("rtr", "127.0.0.1", SnmpLogin("public"), opened.getsockname()[1]), seen
        finally:
            opened.sendto(b"end", opened.getsockname())
            thread.join()


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_patience, "PATIENCE", (0.1, 0.2, 0.3))


def dotted(names: object) -> list[str]:
    return [".".join(map(str, name)) for name in names]  # type: ignore[attr-defined]


def test_one_packet_brings_all_values_and_a_missing_one_is_absent() -> None:
    with agent(good) as (device, seen):
        asked = [*dotted(itertools.islice(ROWS, 40)), "1.3.6.1.9.9.9.0"]
        found = asyncio.run(device.get(asked))
    assert len(seen) == 1
    assert found.keys() == set(asked[:-1])
    assert found["1.3.6.1.2.1.9.1.5"] == 2**63 + 5  # a 64-bit counter stays whole and unsigned


def test_more_than_sixty_values_take_a_second_packet() -> None:
    with agent(good) as (device, seen):
        assert len(asyncio.run(device.get(dotted(ROWS)))) == len(ROWS)
    assert [len(message.varbinds) for message in seen] == [60, 60]


def test_a_walk_brings_one_subtree_in_order() -> None:
    with agent(good) as (device, _):
        walk = asyncio.run(device.walk("1.3.6.1.2.1.9.1"))
    assert list(walk.rows) == [f"1.3.6.1.2.1.9.1.{row}" for row in range(60)]
    assert walk.broken == ""


def test_a_lost_packet_is_sent_again() -> None:
    lost = itertools.chain([True], itertools.repeat(False))
    with agent(lambda asked: [] if next(lost) else good(asked)) as (device, seen):
        assert asyncio.run(device.get(dotted([UPTIME]))) == {"1.3.6.1.2.1.1.3.0": 4_000_000_000}
    assert len(seen) == 2
    assert device.tally.retries == 1


def test_a_silent_agent_is_named_after_three_tries() -> None:
    with agent(lambda _: []) as (device, seen), pytest.raises(HostFailedError, match="rtr: SNMP: no answer in 3 tries"):
        asyncio.run(device.get(dotted([UPTIME])))
    assert len(seen) == 3


def test_too_big_without_varbinds_is_asked_in_halves_and_remembered() -> None:
    def narrow(asked: Message) -> list[bytes]:
        return good(asked) if len(asked.varbinds) <= 15 else [reply(asked, [], status=1)]

    async def twice(device: SnmpDevice) -> list[int]:
        names = dotted(itertools.islice(ROWS, 50))
        return [len(await device.get(names)), len(await device.get(names))]

    with agent(narrow) as (device, seen):
        assert asyncio.run(twice(device)) == [50, 50]
    assert all(len(message.varbinds) <= 15 for message in seen[-4:])


def test_a_packet_of_missing_instances_is_not_taken_for_too_big() -> None:
    """A router without modules has none of the optical values that fill a second packet."""
    asked = [*dotted(itertools.islice(ROWS, 58)), *(f"1.3.6.1.9.9.9.{row}" for row in range(40))]

    async def twice(device: SnmpDevice) -> list[int]:
        return [len(await device.get(asked)), len(await device.get(asked))]

    with agent(good) as (device, seen):
        assert asyncio.run(twice(device)) == [58, 58]
    assert len(seen) == 4


@pytest.mark.parametrize("octets", [100, 200, 1000])
def test_a_reply_beyond_the_buffer_is_asked_in_parts_and_remembered(octets: int) -> None:
    def wide(asked: Message) -> list[bytes]:
        return [reply(asked, [(name, Value(Tag.OCTETS, b"x" * octets)) for name, _ in asked.varbinds])]

    async def twice(device: SnmpDevice) -> list[int]:
        names = dotted(itertools.islice(ROWS, 50))
        return [len(await device.get(names)), len(await device.get(names))]

    with agent(wide) as (device, seen):
        assert asyncio.run(twice(device)) == [50, 50]
    assert device.tally.retries == 0
    assert max(len(message.varbinds) for message in seen[-2:]) * octets < 4080


@pytest.mark.parametrize("octets", [300, 3000])
def test_a_walk_whose_rows_do_not_fit_takes_fewer_of_them(octets: int) -> None:
    rows = {(1, 3, 6, 1, 2, 1, 9, 1, row): Value(Tag.OCTETS, b"y" * octets) for row in range(40)}

    def wide(asked: Message) -> list[bytes]:
        after = [(name, value) for name, value in rows.items() if name > asked.varbinds[0][0]][: asked.index]
        return [reply(asked, after or [(asked.varbinds[0][0], Value(Tag.END_OF_MIB_VIEW))])]

    with agent(wide) as (device, seen):
        assert len(asyncio.run(device.walk("1.3.6.1.2.1.9.1")).rows) == 40
        again = len(seen)
        assert len(asyncio.run(device.walk("1.3.6.1.2.1.9.1")).rows) == 40
    assert len({message.index for message in seen[again:]}) == 1, "how many fit is remembered"


def test_a_walk_that_is_too_big_is_asked_row_by_row() -> None:
    def narrow(asked: Message) -> list[bytes]:
        return good(asked) if asked.index == 1 else [reply(asked, [], status=1)]

    with agent(narrow) as (device, _):
        assert len(asyncio.run(device.walk("1.3.6.1.2.1.9.1")).rows) == 60


def test_a_reply_from_another_port_is_not_believed() -> None:
    with closing(listen_udp("127.0.0.1", 0)) as stranger, closing(listen_udp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)
        port = opened.getsockname()[1]

        def serve() -> None:
            for _ in range(len(snmp_patience.PATIENCE)):
                raw, sender = opened.recvfrom(65_535)
                stranger.sendto(good(decode(raw))[0], sender)

        thread = threading.Thread(target=serve)
        thread.start()
        device = SnmpDevice("rtr", "127.0.0.1", SnmpLogin("public"), port)
        with pytest.raises(HostFailedError, match="rtr: SNMP: no answer in 3 tries"):
            asyncio.run(device.get(dotted([UPTIME])))
        thread.join()


def test_a_counter32_without_its_leading_zero_is_unsigned() -> None:
    name = (1, 3, 6, 1, 2, 1, 2, 2, 1, 10, 1)

    def bare(asked: Message) -> list[bytes]:
        # The same bytes as an address: four octets, no sign; then its type is made that of a counter.
        raw = reply(asked, [(one, Value(Tag.IP_ADDRESS, b"\xff\xff\xff\xfe")) for one, _ in asked.varbinds])
        return [raw.replace(b"\x40\x04\xff", b"\x41\x04\xff")]

    with agent(bare) as (device, _):
        assert asyncio.run(device.get(dotted([name]))) == {"1.3.6.1.2.1.2.2.1.10.1": 2**32 - 2}


def test_an_answer_to_another_question_is_not_believed() -> None:
    def late(asked: Message) -> list[bytes]:
        wrong = reply(asked, [(name, Value(Tag.INTEGER, 666)) for name, _ in asked.varbinds], shift=1)
        return [wrong, *good(asked), *good(asked)]  # and the right one twice

    async def twice(device: SnmpDevice) -> list[object]:
        one = await device.get(dotted([UPTIME]))
        return [one, await device.get(dotted([(1, 3, 6, 1, 2, 1, 9, 1, 7)]))]

    with agent(late) as (device, _):
        found = asyncio.run(twice(device))
    assert found == [{"1.3.6.1.2.1.1.3.0": 4_000_000_000}, {"1.3.6.1.2.1.9.1.7": 2**63 + 7}]


def test_an_agent_that_walks_in_circles_is_stopped_and_what_came_is_kept() -> None:
    circle = [((1, 3, 6, 1, 2, 1, 9, 1, row), Value(Tag.INTEGER, row)) for row in (1, 2, 1, 2)]
    with agent(lambda asked: [reply(asked, circle)]) as (device, seen):
        walk = asyncio.run(device.walk("1.3.6.1.2.1.9.1"))
    assert list(walk.rows) == ["1.3.6.1.2.1.9.1.1", "1.3.6.1.2.1.9.1.2"]
    assert "do not increase" in walk.broken
    assert len(seen) <= 2


def test_an_agent_that_answers_a_walk_with_nothing_ends_it() -> None:
    with agent(lambda asked: [reply(asked, [])]) as (device, seen):
        walk = asyncio.run(device.walk("1.3.6.1.2.1.9.1"))
    assert walk.rows == {}
    assert len(seen) <= 5


def test_an_agent_that_returns_the_asked_oid_is_stopped() -> None:
    def parrot(asked: Message) -> list[bytes]:
        return [reply(asked, [(asked.varbinds[0][0], Value(Tag.INTEGER, 1))])]

    with agent(parrot) as (device, seen):
        asyncio.run(device.walk("1.3.6.1.2.1.9.1"))
    assert len(seen) <= 5


def test_nobody_listening_is_said_plainly() -> None:
    with closing(listen_udp("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
    device = SnmpDevice("rtr", "127.0.0.1", SnmpLogin("secret-community"), port)
    with pytest.raises(HostFailedError, match="rtr: SNMP:") as failed:
        asyncio.run(device.get(dotted([UPTIME])))
    assert "secret-community" not in str(failed.value) + repr(device.way)
