"""SNMP v1 and v2c questions and replies as the poller needs them: laid out once, only the request-id changes.

`ops.system.ber` says the same for agents and tests, value by value; here a reply to a known question is read straight
off its bytes (RFC 1157, RFC 3416; BER of X.690).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import NamedTuple

from ops.system.ber import BerError, Pdu, Tag, Value, encode_value, oid, wrap
from ops.system.snmp_layout import Layout, Place

Held = int | bytes | str | float | None

FIRST_REQUEST, LAST_REQUEST = 0x0100_0000, 0x7FFF_FFFF  # always four bytes, so that a question's length never changes
NO_ERROR, TOO_BIG, NO_SUCH_NAME = 0, 1, 2  # error-status
_SHORT = 0x80  # lengths from here on are written in more than one byte
_MORE = 0x7F
_LONGEST_NUMBER = 9  # bytes: 64 bits and a leading zero
_UNSIGNED = frozenset({Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS, Tag.COUNTER64, 0x47})  # 0x47: UInteger32, long gone
_EMPTY = frozenset({Tag.NULL, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW})
_NUMBERS = _UNSIGNED | {Tag.INTEGER}
_OPAQUE = 0x44
_OPAQUE_FLOAT, _OPAQUE_DOUBLE = b"\x9f\x78\x04", b"\x9f\x79\x08"  # net-snmp's floats within an Opaque
_INTEGER, _OCTETS, _OID, _SEQUENCE, _RESPONSE = 0x02, 0x04, 0x06, 0x30, 0xA2


@dataclass(slots=True)
class Question:
    """A packet but for its request-id. `names`: what a reply in the same order says before each value.

    `layout`: of the last reply in this order.
    """

    oids: tuple[str, ...]
    head: bytes
    tail: bytes
    names: tuple[bytes, ...]
    layout: Layout | None = None

    def packet(self, request: int) -> bytes:
        return b"%b%b%b" % (self.head, request.to_bytes(4, "big"), self.tail)


class Head(NamedTuple):
    """What a reply says before its values, which stand from `at` to `end`, if it is whole. `place`: error-index."""

    request: int
    status: int
    place: int
    at: int
    end: int


def question(pdu: Pdu, version: int, community: str, oids: Sequence[str], repetitions: int = 0) -> Question:
    """`version`: 0 is v1, 1 is v2c, as on the wire. `repetitions`: of a GETBULK."""
    names = [name(one) for one in oids]
    pairs = b"".join(wrap(Tag.SEQUENCE, name + b"\x05\x00") for name in names)
    numbers = encode_value(Value(Tag.INTEGER, 0)) + encode_value(Value(Tag.INTEGER, repetitions))
    tail = numbers + wrap(Tag.SEQUENCE, pairs)
    body = wrap(pdu, b"\x02\x04" + bytes(4) + tail)
    said = encode_value(Value(Tag.INTEGER, version)) + wrap(Tag.OCTETS, community.encode()) + body
    whole = wrap(Tag.SEQUENCE, said)
    return Question(tuple(oids), whole[: -4 - len(tail)], tail, tuple(names))


def head(raw: bytes) -> Head:
    """The head of a reply, also of one whose end was cut off. BerError for anything else."""
    try:
        end, at = _into(raw, 0, _SEQUENCE)
        _, at = _number(raw, at)
        at, _ = _into(raw, at, _OCTETS)
        _, at = _into(raw, at, _RESPONSE)
        request, at = _number(raw, at)
        status, at = _number(raw, at)
        place, at = _number(raw, at)
        _, at = _into(raw, at, _SEQUENCE)
    except IndexError:
        raise BerError("truncated") from None
    return Head(request, status, place, at, end)


def request_of(raw: bytes) -> tuple[int, int]:
    """A reply's request-id and where it stands, if it is of the four bytes that ours have; else BerError."""
    try:
        at = 2 + (raw[1] & _MORE if raw[1] >= _SHORT else 0)  # into the message
        at += 5 + raw[at + 4]  # past the version and the community
        at += 2 + (raw[at + 1] & _MORE if raw[at + 1] >= _SHORT else 0)  # into the PDU
    except IndexError:
        raise BerError("truncated") from None
    if raw[at : at + 2] != b"\x02\x04":
        raise BerError("a request-id that is none of ours")
    return int.from_bytes(raw[at + 2 : at + 6], "big"), at + 2


def in_order(raw: bytes, asked: Question) -> list[Held] | None:
    """The values of a reply that answers a question in its order without an error; None when it is made otherwise."""
    found = asked.layout.read(raw) if asked.layout else None
    return _laid_out(raw, asked) if found is None else found


def _laid_out(raw: bytes, asked: Question) -> list[Held] | None:
    """The same, byte by byte; how it was laid out is remembered unless it holds something rare."""
    found: list[Held] = []
    places: list[Place] = []
    plain = True
    try:
        begin = head(raw)
        at = begin.at
        for name in asked.names:
            after, at = _into(raw, at, _SEQUENCE)
            end, _ = _into(raw, at, _OID)
            if raw[at:end] != name:
                return None
            length, value = _length(raw, end + 1)
            if value + length != after:
                return None
            found.append(_value(raw[end], raw[value:after]))
            plain &= _is_plain(raw[end], length)
            places.append((value, length, raw[end]))
            at = after
    except (BerError, IndexError):
        return None
    if begin.status != NO_ERROR or not at == begin.end == len(raw):
        return None
    asked.layout = Layout(raw, request_of(raw)[1], places) if plain else None
    return found


def _is_plain(tag: int, length: int) -> bool:
    """Whether a layout can hold it: a text, a number of 64 bits at most, or nothing."""
    if tag in _EMPTY:
        return length == 0
    return tag == _OCTETS or (tag in _NUMBERS and 0 < length <= _LONGEST_NUMBER)


def pairs(raw: bytes, begin: Head) -> list[tuple[bytes, Held]]:
    """(name as its bytes, value) of every varbind. BerError for a reply that is cut off or malformed."""
    found: list[tuple[bytes, Held]] = []
    at = begin.at
    if begin.end > len(raw):
        raise BerError("truncated")
    try:
        while at < begin.end:
            after, at = _into(raw, at, _SEQUENCE)
            end, _ = _into(raw, at, _OID)
            name, tag = raw[at:end], raw[end]
            length, at = _length(raw, end + 1)
            if at + length != after or after > begin.end:
                raise BerError("a varbind is not of its length")
            found.append((name, _value(tag, raw[at:after])))
            at = after
    except IndexError:
        raise BerError("truncated") from None
    return found


def steps(name: bytes) -> tuple[int, ...]:
    """The numbers of an OID from its bytes, tag and length included."""
    _, at = _length(name, 1)
    found, step = [], 0
    for byte in name[at:]:
        step = step << 7 | byte & _MORE
        if not byte & _SHORT:
            found.append(step)
            step = 0
    if not found or step:
        raise BerError("an OID that does not end")
    first = min(found[0] // 40, 2)
    return (first, found[0] - 40 * first, *found[1:])


@lru_cache(maxsize=50_000)
def name(dotted: str) -> bytes:
    return encode_value(Value(Tag.OID, oid(dotted)))


def _length(raw: bytes, at: int) -> tuple[int, int]:
    """A length, and where what it measures begins."""
    length = raw[at]
    if length < _SHORT:
        return length, at + 1
    end = at + 1 + (length & _MORE)
    return int.from_bytes(raw[at + 1 : end], "big"), end


def _into(raw: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the thing at `at` ends, and where its content begins."""
    if raw[at] != tag:
        raise BerError(f"{raw[at]:#x} where {tag:#x} is wanted")
    length, begin = _length(raw, at + 1)
    return begin + length, begin


def _number(raw: bytes, at: int) -> tuple[int, int]:
    """An integer, and where what follows begins."""
    end, begin = _into(raw, at, _INTEGER)
    return int.from_bytes(raw[begin:end], "big", signed=True), end


def _value(tag: int, body: bytes) -> Held:
    """A number of no bytes, or of more than 64 bits, is no value: a made-up zero would be a counter that was reset."""
    if tag in _UNSIGNED or tag == _INTEGER:
        sane = 0 < len(body) <= _LONGEST_NUMBER
        return int.from_bytes(body, "big", signed=tag == _INTEGER) if sane else None
    if tag == _OCTETS:
        return body
    if tag in _EMPTY:
        return None
    if tag == _OID:
        return ".".join(map(str, steps(bytes((tag, len(body))) + body)))
    return _rare(tag, body)


def _rare(tag: int, body: bytes) -> Held:
    if tag == Tag.IP_ADDRESS and len(body) == 4:  # noqa: PLR2004 # bytes of an IPv4 address
        return str(IPv4Address(body))
    if tag == _OPAQUE and body[:3] == _OPAQUE_FLOAT and len(body) == 7:  # noqa: PLR2004 # 3 and a float's
        return float(struct.unpack("!f", body[3:])[0])
    if tag == _OPAQUE and body[:3] == _OPAQUE_DOUBLE and len(body) == 11:  # noqa: PLR2004 # 3 and a double's
        return float(struct.unpack("!d", body[3:])[0])
    return body
