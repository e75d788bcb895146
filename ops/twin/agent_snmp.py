"""One SNMP v2c question answered from a view: GET, GETNEXT, GETBULK (RFC 3416 §4.2). Pure: bytes in, bytes out."""

from __future__ import annotations

import hmac
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from ops.system.ber import NULL, BerError, Message, Oid, Pdu, Tag, Value, decode, encode
from ops.twin.agent_mib import Getter, Snapshot

MAX_REPLY = 1400  # bytes a GETBULK's reply may fill, so that it crosses every link in one frame
MAX_GET = 4000  # bytes of a GET's reply, beyond which it is tooBig
_LENGTHS = 6  # bytes by which the length fields of a long message exceed those of an empty one
_TOO_BIG = 1


class Agent:
    """Answers for one router. `look` makes the snapshot that all values of one answer come from."""

    def __init__(self, community: bytes, rows: Mapping[Oid, Getter]) -> None:
        self._community = community
        self._rows = rows
        self._order: Sequence[Oid] = sorted(rows)

    def answer(self, raw: bytes, seen: Snapshot) -> bytes | None:
        """The reply, or None for what must be met with silence (garbage, a wrong community)."""
        try:
            asked = decode(raw)
        except BerError:
            return None
        if not hmac.compare_digest(asked.community, self._community):
            return None
        if asked.pdu is Pdu.GET_BULK:
            return self._bulk(asked, seen)
        find = self._get if asked.pdu is Pdu.GET else self._next
        if asked.pdu is Pdu.RESPONSE:
            return None
        reply = _reply(asked, [find(name, seen) for name, _ in asked.varbinds])
        return reply if len(reply) <= MAX_GET else _reply(asked, [], _TOO_BIG)

    def _get(self, name: Oid, seen: Snapshot) -> tuple[Oid, Value]:
        getter = self._rows.get(name)
        return name, getter(seen) if getter else Value(Tag.NO_SUCH_INSTANCE)

    def _next(self, name: Oid, seen: Snapshot) -> tuple[Oid, Value]:
        at = bisect_right(self._order, name)
        if at == len(self._order):
            return name, Value(Tag.END_OF_MIB_VIEW)
        found = self._order[at]
        return found, self._rows[found](seen)

    def _bulk(self, asked: Message, seen: Snapshot) -> bytes:
        names = [name for name, _ in asked.varbinds]
        once, repeated = names[: max(asked.status, 0)], names[max(asked.status, 0) :]
        found = [self._next(name, seen) for name in once]
        size = len(_reply(asked, found)) + _LENGTHS
        for _ in range(max(asked.index, 0)):
            if not repeated:
                break
            row = [self._next(name, seen) for name in repeated]
            size += len(_reply(asked, row)) - len(_reply(asked, []))
            if size > MAX_REPLY and found:
                break
            found += row
            repeated = [name for name, _ in row]
            if all(value.tag is Tag.END_OF_MIB_VIEW for _, value in row):
                break
        return _reply(asked, found)


def _reply(asked: Message, varbinds: Sequence[tuple[Oid, Value]], status: int = 0) -> bytes:
    return encode(Message(asked.community, Pdu.RESPONSE, asked.request, status, 0, tuple(varbinds)))


def question(pdu: Pdu, community: bytes, names: Sequence[Oid], *, repetitions: int = 0) -> bytes:
    """A request, for tests and for looking around."""
    return encode(Message(community, pdu, 1, 0, repetitions, tuple((name, NULL) for name in names)))
