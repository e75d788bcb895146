"""Replies read straight off their bytes: equal to what `ops.system.ber` says of them, whatever the lengths."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.system import snmp_wire as wire
from ops.system.ber import BerError, Message, Oid, Pdu, Tag, Value, encode
from ops.system.snmp_wire import Held

NAMES = ["1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.1.1.6.4294967295", "1.3.6.1.4.1.9.1", "2.999.3"]
VALUES = st.one_of(
    st.builds(Value, st.just(Tag.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.builds(Value, st.sampled_from([Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS]), st.integers(0, 2**32 - 1)),
    st.builds(Value, st.just(Tag.COUNTER64), st.integers(0, 2**64 - 1)),
    st.builds(Value, st.just(Tag.OCTETS), st.binary(max_size=300)),
    st.builds(Value, st.just(Tag.OID), st.just((1, 3, 6, 1, 4, 1, 14988))),
    st.sampled_from([Value(Tag.NULL), Value(Tag.NO_SUCH_OBJECT), Value(Tag.NO_SUCH_INSTANCE)]),
)
ROWS = st.lists(VALUES, min_size=len(NAMES), max_size=len(NAMES))


def oid(dotted: str) -> Oid:
    return tuple(map(int, dotted.split(".")))


def reply(row: list[Value], request: int = wire.FIRST_REQUEST, status: int = 0, community: bytes = b"public") -> bytes:
    pairs = tuple(zip(map(oid, NAMES), row, strict=True))
    return encode(Message(community, Pdu.RESPONSE, request, status, 0, pairs))


def meant(value: Value) -> Held:
    return ".".join(map(str, value.data)) if isinstance(value.data, tuple) else value.data


@given(ROWS, ROWS, st.integers(wire.FIRST_REQUEST, wire.LAST_REQUEST), st.binary(max_size=200))
def test_a_second_reply_is_read_like_the_first(
    first: list[Value], second: list[Value], request: int, community: bytes
) -> None:
    question = wire.question(Pdu.GET, 1, "public", NAMES)
    for row in (first, second, second, first):
        raw = reply(row, request, community=community)
        assert wire.request_of(raw)[0] == request == wire.head(raw).request
        assert wire.in_order(raw, question) == [meant(value) for value in row]
        assert [value for _, value in wire.pairs(raw, wire.head(raw))] == [meant(value) for value in row]


@given(ROWS, st.data())
def test_what_is_cut_off_changed_or_an_error_gives_no_values(row: list[Value], data: st.DataObject) -> None:
    question = wire.question(Pdu.GET, 1, "public", NAMES)
    raw = reply(row)
    assert wire.in_order(raw, question)
    assert wire.in_order(raw[: data.draw(st.integers(0, len(raw) - 1))], question) is None
    assert wire.in_order(raw + b"\x00", question) is None
    assert wire.in_order(reply(row, status=5), question) is None
    other = wire.question(Pdu.GET, 1, "public", [*NAMES[:-1], "2.999.4"])
    other.layout = question.layout
    assert wire.in_order(reply(row, status=1), other) is None


@given(st.binary(max_size=120))
def test_garbage_is_refused_and_never_more(raw: bytes) -> None:
    for read in (wire.head, wire.request_of):
        try:
            read(raw)
        except BerError:
            continue


@given(ROWS, st.data())
def test_a_flipped_byte_never_raises_anything_else(row: list[Value], data: st.DataObject) -> None:
    raw = bytearray(reply(row))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    wire.in_order(bytes(raw), wire.question(Pdu.GET, 1, "public", NAMES))
    with contextlib.suppress(BerError):
        wire.pairs(bytes(raw), wire.head(bytes(raw)))


@pytest.mark.parametrize("tag", [Tag.COUNTER32, Tag.INTEGER, Tag.COUNTER64])
def test_a_number_of_no_bytes_is_no_value(tag: Tag) -> None:
    """A made-up zero would be a counter that was reset."""
    raw = reply([Value(Tag.OCTETS, b"")] * len(NAMES)).replace(b"\x04\x00", bytes((tag, 0)))
    assert wire.in_order(raw, wire.question(Pdu.GET, 1, "public", NAMES)) == [None] * len(NAMES)


@pytest.mark.parametrize("body", [b"\x9f\x78\x04", b"\x9f\x79\x08\x40"])
def test_a_float_that_is_cut_short_is_no_number(body: bytes) -> None:
    octets, opaque = (bytes((tag, len(body))) + body for tag in (0x04, 0x44))
    raw = reply([Value(Tag.OCTETS, body)] * len(NAMES)).replace(octets, opaque)
    assert [value for _, value in wire.pairs(raw, wire.head(raw))] == [body] * len(NAMES)


def test_a_question_is_what_the_codec_says_it_is() -> None:
    pairs = tuple((oid(name), Value(Tag.NULL)) for name in NAMES)
    for version, community in ((0, "x" * 130), (1, "public")):
        message = Message(community.encode(), Pdu.GET, wire.FIRST_REQUEST + 7, 0, 0, pairs, version)
        asked = wire.question(Pdu.GET, version, community, NAMES)
        assert asked.packet(wire.FIRST_REQUEST + 7) == encode(message)
