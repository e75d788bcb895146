"""Many addresses asked over one socket: a reply is its own address's, in whatever order, with copies and strangers."""

from __future__ import annotations

import asyncio
import struct
from itertools import pairwise
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import ToolMissingError
from ops.system.echo import Flight, _open, echoes

NANO = 10**9


class Wire:
    """Stands where a socket is written to; keeps what was sent. What goes to `unreachable` is refused."""

    def __init__(self, unreachable: str = "") -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.unreachable = unreachable

    def sendto(self, raw: bytes, place: tuple[str, int]) -> None:
        if place[0] == self.unreachable:
            raise OSError("no route")
        self.sent.append((place[0], raw))


def reply(request: bytes, *, header: bool = False) -> bytes:
    answer = b"\0" + request[1:]
    return b"\x45" + bytes(19) + answer if header else answer


def flight(addresses: list[str], count: int, wire: Wire) -> Flight:
    made = Flight(addresses, count)
    for number in range(count):
        made.send(wire, range(len(addresses)), number)  # type: ignore[arg-type]
    return made


def words(raw: bytes) -> int:
    total = sum(struct.unpack(f"!{len(raw) // 2}H", raw))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@given(st.data(), st.integers(1, 6), st.integers(1, 5))
def test_each_address_gets_its_own_round_trips(data: st.DataObject, many: int, count: int) -> None:
    addresses, wire = [f"10.0.0.{n}" for n in range(many)], Wire()
    made = flight(addresses, count, wire)
    began = dict(made._sent)
    came = {}
    for place, number in data.draw(st.permutations(sorted(began))):
        if data.draw(st.booleans()):
            came[place, number] = seconds = data.draw(st.integers(1, NANO)) / NANO
            raw = reply(wire.sent[number * many + place][1], header=data.draw(st.booleans()))
            for copy in range(data.draw(st.integers(1, 2))):
                made.came(raw, began[place, number] + round(seconds * NANO) + copy)
    for place, echo in enumerate(made.found()):
        mine = [came[key] for key in sorted(came) if key[0] == place]
        assert echo.seconds == pytest.approx(mine)
        assert echo.loss == pytest.approx(1 - len(mine) / count)
        assert echo.latency == (pytest.approx(median(mine)) if mine else None)
        steps = [abs(b - a) for a, b in pairwise(mine)]
        assert echo.jitter == (pytest.approx(mean(steps)) if steps else None)


def test_every_request_has_a_checksum_that_adds_up() -> None:
    wire = Wire()
    flight([f"10.0.{n // 250}.{n % 250}" for n in range(1000)], 2, wire)
    assert {words(raw) for _, raw in wire.sent} == {0xFFFF}
    assert len({raw for _, raw in wire.sent}) == 2000


def test_replies_to_others_and_what_is_refused_count_for_nobody() -> None:
    wire, other = Wire("10.0.0.2"), Wire()
    made = flight(["10.0.0.1", "10.0.0.2"], 1, wire)
    flight(["10.0.0.1"], 1, other)
    for raw in (b"", b"\x45", reply(other.sent[0][1]), wire.sent[0][1], reply(wire.sent[0][1])[:12]):
        made.came(raw, made._sent[0, 0])
    assert [echo.loss for echo in made.found()] == [1, 1]
    assert list(made._sent) == [(0, 0)], "what could not leave is not awaited"


def test_a_busy_reader_adds_nothing_to_a_round_trip() -> None:
    """The kernel tells when a reply came: reading it late, as an exporter of a thousand devices does, is no latency."""

    async def ask() -> list[float]:
        made = Flight(["127.0.0.1"], 1)
        with _open() as opened:
            made.send(opened, [0], 0)
            await asyncio.sleep(0.5)
            assert made.take(opened) == 0
        return list(made.found()[0].seconds)

    try:
        assert asyncio.run(ask())[0] < 0.5
    except ToolMissingError as error:
        pytest.skip(str(error))


def test_addresses_on_this_machine_answer_and_others_do_not() -> None:
    try:
        found = asyncio.run(echoes([*(f"127.64.9.{n}" for n in range(1, 41)), "240.0.0.1"], 2))
    except ToolMissingError as error:
        pytest.skip(str(error))
    assert [echo.loss for echo in found] == [0] * 40 + [1]
