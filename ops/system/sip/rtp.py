"""RTP packets (RFC 3550 §5.1) and what can be said about a stream received (§6.4.1, A.1, A.3, A.8). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ops.system.sip.message import MalformedError

_HEAD = struct.Struct("!BBHII")
_VERSION = 2
_HALF = 0x8000


@dataclass(frozen=True, slots=True)
class Packet:
    payload_type: int
    sequence: int  # 16 bit
    timestamp: int  # 32 bit, in samples
    source: int  # SSRC
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        second = self.marker << 7 | self.payload_type
        return _HEAD.pack(_VERSION << 6, second, self.sequence, self.timestamp, self.source) + self.payload


def parse(data: bytes) -> Packet:
    """One datagram → Packet; contributing sources, extension and padding are skipped."""
    if len(data) < _HEAD.size or data[0] >> 6 != _VERSION:
        raise MalformedError("not RTP version 2")
    first, second, sequence, timestamp, source = _HEAD.unpack_from(data)
    start = _HEAD.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            raise MalformedError("extension cut off")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if start > end:
        raise MalformedError("header longer than the packet")
    return Packet(second & 0x7F, sequence, timestamp, source, data[start:end], bool(second & 0x80))


class Reception:
    """Counts one stream: packets received, lost, jitter. A change of source starts a new stream."""

    def __init__(self, rate: int = 8000) -> None:
        self._rate = rate
        self._source: int | None = None
        self._first = self._highest = 0  # extended sequence numbers of this stream
        self._in_stream = self._lost_before = 0
        self._transit: float | None = None
        self._jitter = 0.0  # in samples
        self.received = 0

    def take(self, packet: Packet, arrival: float) -> None:
        """Note a packet that arrived at `arrival` seconds (any steady clock)."""
        if packet.source != self._source:
            self._lost_before = self.lost
            self._source, self._transit, self._in_stream = packet.source, None, 0
            self._first = self._highest = 0x10000 + packet.sequence
        ahead = (packet.sequence - self._highest + _HALF) % 0x10000 - _HALF
        self._highest = max(self._highest, self._highest + ahead)
        self.received += 1
        self._in_stream += 1
        transit = arrival * self._rate - packet.timestamp
        if self._transit is not None:
            step = abs((transit - self._transit + 2**31) % 2**32 - 2**31)  # timestamps wrap
            if step < self._rate:  # a jump of a second is the sender's clock set anew, not the network
                self._jitter += (step - self._jitter) / 16
        self._transit = transit

    @property
    def lost(self) -> int:
        """Packets expected and not seen; duplicates can not make it negative."""
        expected = self._highest - self._first + 1 if self._source is not None else 0
        return self._lost_before + max(0, expected - self._in_stream)

    @property
    def jitter_ms(self) -> float:
        return self._jitter / self._rate * 1000
