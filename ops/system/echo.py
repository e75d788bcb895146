"""ICMP echo: how long a packet takes there and back, and how many get lost. No root where the kernel allows it.

One socket asks all addresses: a raw one gives every reply to every socket, so that one for each address would read
them all over and over. When a reply came is told by the kernel, whenever this process comes to read it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import fmean, median

from ops.errors import ToolMissingError

COUNT, APART, WAIT = 5, 0.02, 1.0  # packets, seconds between them at least, seconds to wait for the last one
_AT_ONCE, _TICK = 32, 0.005  # packets that leave together, seconds until the next ones
_BUFFER = 4_194_304  # bytes asked for: the replies of a thousand addresses may come at once
_ECHO_REQUEST, _ECHO_REPLY = 8, 0
_HEADER = struct.Struct("!BBHHH")
_MARK = struct.Struct("!8sI")  # behind the header: whose it is, and the place of the address that was asked
_TIMESTAMPS = getattr(socket, "SO_TIMESTAMPNS", 35)  # of the kernel, beside each packet
_TIMESPEC = struct.Struct("@ll")
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size)
_RAW, _ICMP_FILTER = 255, 1  # linux/icmp.h: a bit for every type that is not wanted
_OPTIONS: tuple[tuple[int, int, int], ...] = (
    (socket.SOL_SOCKET, _TIMESTAMPS, 1),
    (socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), _BUFFER),
    (_RAW, _ICMP_FILTER, ~(1 << _ECHO_REPLY)),
)


@dataclass(frozen=True, slots=True)
class Echo:
    """`seconds`: round trips that came back, of `sent`, in the order in which they were sent."""

    sent: int
    seconds: tuple[float, ...]

    @property
    def loss(self) -> float:
        """Share of packets lost, 0 to 1."""
        return 1 - len(self.seconds) / self.sent

    @property
    def latency(self) -> float | None:
        """Median round trip in seconds; None when nothing came back."""
        return median(self.seconds) if self.seconds else None

    @property
    def jitter(self) -> float | None:
        """Mean step from one round trip to the next, seconds; None for fewer than two."""
        return fmean(abs(b - a) for a, b in pairwise(self.seconds)) if len(self.seconds) > 1 else None


async def echo(address: str, count: int = COUNT) -> Echo:
    """Send `count` echo requests to `address`. ToolMissingError when this process may not."""
    return (await echoes([address], count))[0]


async def echoes(addresses: Sequence[str], count: int = COUNT) -> list[Echo]:
    """The same for many IPv4 addresses side by side, in their order."""
    flight = Flight(addresses, count)
    with _open() as opened:
        for number in range(count):
            begun = time.monotonic()
            for at in range(0, len(addresses), _AT_ONCE):
                flight.send(opened, range(at, min(at + _AT_ONCE, len(addresses))), number)
                await asyncio.sleep(_TICK)
                flight.take(opened)
            await asyncio.sleep(max(0.0, begun + APART - time.monotonic()))
        end = time.monotonic() + WAIT
        while flight.take(opened) and time.monotonic() < end:  # noqa: ASYNC110 # being woken for each packet costs more
            await asyncio.sleep(_TICK)
    return flight.found()


class Flight:
    """What was sent to which address and what came back, told apart by a mark, the address's place and the sequence."""

    def __init__(self, addresses: Sequence[str], count: int) -> None:
        self._addresses, self._count, self._mark = addresses, count, os.urandom(8)
        self._sent: dict[tuple[int, int], int] = {}  # (place, number): when, in ns, while there is no reply
        self._seconds: dict[tuple[int, int], float] = {}

    def send(self, opened: socket.socket, places: Iterable[int], number: int) -> None:
        """The `number`th packet to each of these places. What the network refuses at once is lost."""
        for place in places:
            request = _request(number, self._mark, place)
            self._sent[place, number] = time.time_ns()  # the clock of the kernel's timestamps
            try:
                opened.sendto(request, (self._addresses[place], 0))
            except OSError:
                del self._sent[place, number]

    def take(self, opened: socket.socket) -> int:
        """Take up the replies that are there; how many more are awaited."""
        while self._sent:
            try:
                raw, beside, _, _ = opened.recvmsg(2048, _ROOM)
            except BlockingIOError:
                break
            except OSError:
                continue  # "host unreachable", told about an earlier packet
            self.came(raw, _arrived(beside))
        return len(self._sent)

    def came(self, raw: bytes, when: int) -> None:
        """A packet that came at `when`, nanoseconds of the wall clock."""
        if raw[:1] and raw[0] >> 4 == 4:  # noqa: PLR2004 # a raw socket also gives the IPv4 header
            raw = raw[(raw[0] & 0x0F) * 4 :]
        if len(raw) < _HEADER.size + _MARK.size or raw[0] != _ECHO_REPLY:
            return
        mark, place = _MARK.unpack_from(raw, _HEADER.size)
        key = place, _HEADER.unpack_from(raw)[4]
        if mark == self._mark and key in self._sent:
            self._seconds[key] = max(0, when - self._sent.pop(key)) / 1e9

    def found(self) -> list[Echo]:
        """Of every address, in their order."""
        by_place: list[list[float]] = [[] for _ in self._addresses]
        for place, number in sorted(self._seconds):
            by_place[place].append(self._seconds[place, number])
        return [Echo(self._count, tuple(one)) for one in by_place]


def _arrived(beside: Iterable[tuple[int, int, bytes]]) -> int:
    """When a packet came, by the kernel's timestamp; now where it gives none. Nanoseconds of the wall clock."""
    for level, kind, data in beside:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMPS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()


def _request(number: int, mark: bytes, place: int) -> bytes:
    """An echo request; the kernel of a datagram socket puts in identifier and checksum, a raw one needs them here."""
    total = _summed(number, mark) + (place >> 16) + (place & 0xFFFF)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return _HEADER.pack(_ECHO_REQUEST, 0, checksum, os.getpid() & 0xFFFF, number) + _MARK.pack(mark, place)


@lru_cache(maxsize=2 * COUNT)
def _summed(number: int, mark: bytes) -> int:
    """Sum of the words that all packets of one round have alike."""
    bare = _HEADER.pack(_ECHO_REQUEST, 0, 0, os.getpid() & 0xFFFF, number) + mark
    return sum(struct.unpack(f"!{len(bare) // 2}H", bare))


def _open() -> socket.socket:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            opened = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
        except PermissionError:
            continue
        opened.setblocking(False)
        for level, option, value in _OPTIONS:
            with suppress(OSError):  # the second is root's, the last a raw socket's
                opened.setsockopt(level, option, value)
        return opened
    raise ToolMissingError("this process may not send ICMP echo", "sysctl -w net.ipv4.ping_group_range='0 2147483647'")
