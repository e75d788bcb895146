"""Columns that are walked side by side bring what they bring alone, whatever the agent does."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial

import pytest

from ops.errors import HostFailedError
from ops.system import snmp_patience, snmp_plain
from ops.system.ber import Message, Oid, Pdu, Tag, Value, decode, encode, oid
from ops.system.snmp import SnmpDevice, SnmpLogin
from ops.system.sockets import listen_udp
from ops.twin.agent_mib import Snapshot
from ops.twin.agent_snmp import Agent, question

ROOT = oid("1.3.6.1.4.1.9.9")
LENGTHS = {1: 48, 2: 3, 3: 0, 4: 130, 5: 1}
ROWS = {(*ROOT, column, row): Value(Tag.INTEGER, row) for column, many in LENGTHS.items() for row in range(1, many + 1)}
COLUMNS = [".".join(map(str, (*ROOT, column))) for column in LENGTHS]
Answer = Callable[[bytes], list[bytes]]


def good(rows: Mapping[Oid, Value]) -> Answer:
    agent = Agent(b"public", {name: partial(lambda value, _seen: value, value) for name, value in rows.items()})
    return lambda raw: [agent.answer(raw, Snapshot(0, 0, {}, {}, {})) or b""]


@contextmanager
def agent(answer: Answer) -> Iterator[SnmpDevice]:
    with closing(listen_udp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)

        def serve() -> None:
            while (packet := opened.recvfrom(65_535))[0] != b"end":
                for reply in answer(packet[0]):
                    opened.sendto(reply, packet[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield SnmpDevice("r", "127.0.0.1", SnmpLogin("public"), opened.getsockname()[1])
        finally:
            opened.sendto(b"end", opened.getsockname())
            thread.join()


async def both(device: SnmpDevice) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, object]], int]:
    together = {name: dict(walk.rows) for name, walk in (await device.walks(COLUMNS)).items()}
    packets = device.tally.packets
    return together, {name: dict((await device.walk(name)).rows) for name in COLUMNS}, packets


def test_side_by_side_is_the_same_in_fewer_packets() -> None:
    with agent(good(ROWS)) as device:
        together, alone, packets = asyncio.run(both(device))
        assert together == alone
        assert [len(rows) for rows in together.values()] == list(LENGTHS.values())
        assert packets < device.tally.packets - packets


def status(raw: bytes, number: int) -> bytes:
    asked = decode(raw)
    return encode(Message(asked.community, Pdu.RESPONSE, asked.request, number, 0, ()))


@pytest.mark.parametrize("number", [1, 5])
def test_an_agent_that_cannot_is_asked_column_by_column(number: int) -> None:
    whole = good(ROWS)
    with agent(lambda raw: whole(raw) if len(decode(raw).varbinds) == 1 else [status(raw, number)]) as device:
        together, alone, _ = asyncio.run(both(device))
    assert together == alone


def test_an_answer_without_any_row_ends_and_never_goes_on_for_ever() -> None:
    with agent(lambda raw: [status(raw, 0)]) as device:
        walks = asyncio.run(device.walks(COLUMNS))
    assert all(walk.rows == {} and walk.broken for walk in walks.values())
    assert device.tally.packets < 20


def test_an_agent_that_walks_in_circles_is_stopped() -> None:
    whole = good(ROWS)
    first = question(Pdu.GET_BULK, b"public", [oid(name) for name in COLUMNS], repetitions=2)

    def circle(raw: bytes) -> list[bytes]:
        asked, said = decode(raw), decode(whole(first)[0])
        return [encode(Message(asked.community, Pdu.RESPONSE, asked.request, 0, 0, said.varbinds))]

    with agent(circle) as device:
        walks = asyncio.run(device.walks(COLUMNS))
    assert any("do not increase" in walk.broken for walk in walks.values())
    assert device.tally.packets < 20


def test_a_silent_agent_fails_after_its_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_patience, "PATIENCE", (0.05, 0.05, 0.05))
    with agent(lambda _raw: []) as device, pytest.raises(HostFailedError, match="no answer"):
        asyncio.run(device.walks(COLUMNS))


def test_a_get_is_as_large_as_before() -> None:
    long = {
        (*ROOT, column, row): Value(Tag.OCTETS, b"x" * 200) for column, row in itertools.product((1, 2), range(1, 20))
    }

    def wide(raw: bytes) -> list[bytes]:
        asked = decode(raw)
        after = [sorted((n, v) for n, v in long.items() if n > name)[:20] for name, _ in asked.varbinds]
        rows = [column[at] for at in range(19) for column in after if at < len(column)]
        return [encode(Message(asked.community, Pdu.RESPONSE, asked.request, 0, 0, tuple(rows)))]

    with agent(wide) as device:
        asyncio.run(device.walks(COLUMNS[:2]))
        assert device.way.most == snmp_plain.MOST_VARBINDS  # type: ignore[union-attr]
