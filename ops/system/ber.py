"""SNMP v1 and v2c messages as bytes and back (RFC 1157, RFC 3416; BER of X.690), enough for an agent and its tests.

What answers in a twin is made of these few functions; the poller reads replies in its own way (`ops.system.snmp_wire`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

Oid = tuple[int, ...]


class BerError(ValueError):
    """The bytes are no SNMP message; `str()` says why."""


class Tag(IntEnum):
    INTEGER = 0x02
    OCTETS = 0x04
    NULL = 0x05
    OID = 0x06
    SEQUENCE = 0x30
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TIMETICKS = 0x43
    COUNTER64 = 0x46
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


class Pdu(IntEnum):
    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    GET_BULK = 0xA5


V1, V2C = 0, 1  # as on the wire
_UNSIGNED = {Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS, Tag.COUNTER64}
_EMPTY = {Tag.NULL, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW}


@dataclass(frozen=True, slots=True)
class Value:
    """`data`: int for numbers, bytes for octets and addresses, an Oid for OID, None for the empty ones."""

    tag: Tag
    data: int | bytes | Oid | None = None


NULL = Value(Tag.NULL)


@dataclass(frozen=True, slots=True)
class Message:
    """One SNMP message. In a GETBULK `status` is non-repeaters and `index` max-repetitions (RFC 3416 §3)."""

    community: bytes
    pdu: Pdu
    request: int
    status: int
    index: int
    varbinds: tuple[tuple[Oid, Value], ...]
    version: int = V2C


def oid(text: str) -> Oid:
    """'1.3.6.1' → (1, 3, 6, 1)."""
    return tuple(int(step) for step in text.strip(".").split("."))


def encode(message: Message) -> bytes:
    pairs = b"".join(
        wrap(Tag.SEQUENCE, encode_value(Value(Tag.OID, name)) + encode_value(held)) for name, held in message.varbinds
    )
    head = b"".join(encode_value(Value(Tag.INTEGER, n)) for n in (message.request, message.status, message.index))
    pdu = wrap(message.pdu, head + wrap(Tag.SEQUENCE, pairs))
    version = encode_value(Value(Tag.INTEGER, message.version))
    return wrap(Tag.SEQUENCE, version + wrap(Tag.OCTETS, message.community) + pdu)


def decode(raw: bytes, versions: tuple[int, ...] = (V2C,)) -> Message:
    """The message in `raw`. BerError for anything that is not a whole SNMP message of these versions."""
    tag, body, rest = _take(raw)
    if tag != Tag.SEQUENCE or rest:
        raise BerError("not one sequence")
    version, body = _take_integer(body)
    if version not in versions:
        raise BerError(f"version {version} is not spoken here")
    tag, community, body = _take(body)
    if tag != Tag.OCTETS:
        raise BerError("no community")
    tag, body, rest = _take(body)
    if rest:
        raise BerError("bytes after the PDU")
    try:
        pdu = Pdu(tag)
    except ValueError:
        raise BerError(f"PDU {tag:#x} is not known") from None
    request, body = _take_integer(body)
    status, body = _take_integer(body)
    index, body = _take_integer(body)
    tag, body, rest = _take(body)
    if tag != Tag.SEQUENCE or rest:
        raise BerError("no list of varbinds")
    return Message(community, pdu, request, status, index, _take_varbinds(body), version)


def _take_varbinds(body: bytes) -> tuple[tuple[Oid, Value], ...]:
    found = []
    while body:
        tag, pair, body = _take(body)
        if tag != Tag.SEQUENCE:
            raise BerError("a varbind is no sequence")
        tag, name, pair = _take(pair)
        if tag != Tag.OID:
            raise BerError("a varbind has no name")
        tag, held, rest = _take(pair)
        if rest:
            raise BerError("bytes after a varbind's value")
        found.append((_to_oid(name), _to_value(tag, held)))
    return tuple(found)


def _take(raw: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows."""
    if len(raw) < 2:  # noqa: PLR2004 # a tag and a length
        raise BerError("truncated")
    tag, length, start = raw[0], raw[1], 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:  # noqa: PLR2004 # no message is longer than 4 GB
            raise BerError(f"a length of {count} bytes")
        start += count
        length = int.from_bytes(raw[2:start], "big")
    if len(raw) < start + length:
        raise BerError("truncated")
    return tag, raw[start : start + length], raw[start + length :]


def _take_integer(raw: bytes) -> tuple[int, bytes]:
    tag, body, rest = _take(raw)
    if tag != Tag.INTEGER or not body:
        raise BerError("an integer is wanted")
    return int.from_bytes(body, "big", signed=True), rest


def _to_value(tag: int, body: bytes) -> Value:
    try:
        known = Tag(tag)
    except ValueError:
        raise BerError(f"type {tag:#x} is not known") from None
    if known in _EMPTY:
        return Value(known)
    if known is Tag.INTEGER or known in _UNSIGNED:
        if not body:
            raise BerError("a number of no bytes")
        return Value(known, int.from_bytes(body, "big", signed=known is Tag.INTEGER))
    return Value(known, _to_oid(body) if known is Tag.OID else body)


def _to_oid(body: bytes) -> Oid:
    if not body or body[-1] & 0x80:
        raise BerError("an OID that does not end")
    steps, step = [], 0
    for byte in body:
        step = step << 7 | byte & 0x7F
        if not byte & 0x80:
            steps.append(step)
            step = 0
    first = min(steps[0] // 40, 2)
    return (first, steps[0] - 40 * first, *steps[1:])


def wrap(tag: int, body: bytes) -> bytes:
    """Tag, length, content."""
    if len(body) < 0x80:  # noqa: PLR2004 # the short form of a length
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def encode_value(value: Value) -> bytes:
    """A value with its tag and length. BerError for a negative number of an unsigned type."""
    data = value.data
    if isinstance(data, int):
        if value.tag in _UNSIGNED and data < 0:
            raise BerError(f"{value.tag.name} cannot be negative")
        size = (data + (data < 0)).bit_length() // 8 + 1  # one bit for the sign, also of an unsigned number
        return wrap(value.tag, data.to_bytes(size, "big", signed=True))
    if isinstance(data, tuple):
        return wrap(value.tag, _oid_bytes(data))
    return wrap(value.tag, data or b"")


def _oid_bytes(steps: Oid) -> bytes:
    packed = bytearray()
    for step in (steps[0] * 40 + steps[1], *steps[2:]):
        groups = [step & 0x7F]
        rest = step >> 7
        while rest:
            groups.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed += bytes(reversed(groups))
    return bytes(packed)
