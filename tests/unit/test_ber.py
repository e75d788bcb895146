"""SNMP messages as bytes and back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.system.ber import NULL, BerError, Message, Pdu, Tag, Value, decode, encode, oid

STEPS = st.integers(0, 2**32 - 1)
OIDS = st.one_of(
    st.tuples(st.integers(0, 1), st.integers(0, 39), STEPS), st.lists(STEPS, max_size=20).map(lambda s: (2, 999, *s))
)
VALUES = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(lambda n: Value(Tag.INTEGER, n)),
    st.integers(0, 2**32 - 1).map(lambda n: Value(Tag.COUNTER32, n)),
    st.integers(0, 2**64 - 1).map(lambda n: Value(Tag.COUNTER64, n)),
    st.binary(max_size=300).map(lambda b: Value(Tag.OCTETS, b)),
    OIDS.map(lambda o: Value(Tag.OID, o)),
    st.sampled_from([NULL, Value(Tag.NO_SUCH_INSTANCE), Value(Tag.END_OF_MIB_VIEW)]),
)
MESSAGES = st.builds(
    Message,
    st.binary(max_size=40),
    st.sampled_from(list(Pdu)),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 100),
    st.integers(0, 100),
    st.lists(st.tuples(OIDS, VALUES), max_size=30).map(tuple),
)


@given(MESSAGES)
def test_what_is_encoded_is_decoded(message: Message) -> None:
    assert decode(encode(message)) == message


@given(st.binary(max_size=100))
def test_garbage_is_refused_and_nothing_else_happens(raw: bytes) -> None:
    with contextlib.suppress(BerError):
        decode(raw)


@given(MESSAGES, st.data())
def test_a_message_that_was_cut_is_refused(message: Message, data: st.DataObject) -> None:
    raw = encode(message)
    with pytest.raises(BerError):
        decode(raw[: data.draw(st.integers(0, len(raw) - 1))])


@given(MESSAGES, st.integers(0), st.integers(0, 255))
def test_a_flipped_byte_never_breaks_the_reader(message: Message, at: int, byte: int) -> None:
    raw = bytearray(encode(message))
    raw[at % len(raw)] = byte
    with contextlib.suppress(BerError):
        decode(bytes(raw))


def test_a_get_for_sysdescr_is_the_bytes_every_agent_knows() -> None:
    known = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500")
    assert encode(Message(b"public", Pdu.GET, 1, 0, 0, ((oid("1.3.6.1.2.1.1.1.0"), NULL),))) == known


def test_a_counter_above_its_sign_bit_stays_unsigned() -> None:
    message = Message(b"", Pdu.RESPONSE, 1, 0, 0, ((oid("1.3.6"), Value(Tag.COUNTER32, 2**32 - 1)),))
    assert b"\x41\x05\x00\xff\xff\xff\xff" in encode(message)


def test_a_counter_without_its_leading_zero_is_unsigned() -> None:
    """Some agents leave it out. An address of the same four bytes makes such a message; then its type is changed."""
    address = Message(b"", Pdu.RESPONSE, 1, 0, 0, ((oid("1.3.6"), Value(Tag.IP_ADDRESS, b"\xff\xff\xff\xff")),))
    bare = encode(address).replace(b"\x40\x04\xff", b"\x41\x04\xff")
    assert decode(bare).varbinds[0][1] == Value(Tag.COUNTER32, 2**32 - 1)
