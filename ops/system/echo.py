"""ICMP echo: how long a packet takes there and back, and how many get lost. No root where the kernel allows it."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median
from time import perf_counter

from ops.errors import ToolMissingError

COUNT, APART, WAIT = 5, 0.02, 1.0  # packets, seconds between them, seconds to wait for the last one
_ECHO_REQUEST, _ECHO_REPLY = 8, 0
_HEADER = struct.Struct("!BBHHH")


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
        return mean(abs(b - a) for a, b in pairwise(self.seconds)) if len(self.seconds) > 1 else None


async def echo(address: str, count: int = COUNT) -> Echo:
    """Send `count` echo requests to `address`. ToolMissingError when this process may not."""
    mark = os.urandom(8)
    with _open() as opened:
        sent: dict[int, float] = {}
        came: dict[int, float] = {}
        listening = asyncio.create_task(_listen(opened, mark, sent, came, count))
        try:
            for number in range(count):
                sent[number] = perf_counter()
                try:
                    await asyncio.get_running_loop().sock_sendto(opened, _request(number, mark), (address, 0))
                except OSError:
                    continue  # no route now: the packet is lost
                await asyncio.sleep(APART)
            await asyncio.wait({listening}, timeout=WAIT)
        finally:
            listening.cancel()
            await asyncio.wait({listening})
    return Echo(count, tuple(came[number] for number in sorted(came)))


async def _listen(
    opened: socket.socket, mark: bytes, sent: dict[int, float], came: dict[int, float], count: int
) -> None:
    """Note every reply to a packet of `sent` in `came`, until all `count` are there."""
    while len(came) < count:
        try:
            raw = await asyncio.get_running_loop().sock_recv(opened, 2048)
        except OSError:
            continue  # "host unreachable", told about an earlier packet
        now = perf_counter()
        if raw[:1] and raw[0] >> 4 == 4:  # noqa: PLR2004 # a raw socket also gives the IPv4 header
            raw = raw[(raw[0] & 0x0F) * 4 :]
        if len(raw) < _HEADER.size + len(mark) or raw[0] != _ECHO_REPLY or raw[_HEADER.size :][: len(mark)] != mark:
            continue
        number = _HEADER.unpack_from(raw)[4]
        if number in sent:
            came.setdefault(number, now - sent[number])


def _request(number: int, mark: bytes) -> bytes:
    """An echo request; the kernel of a datagram socket puts in identifier and checksum, a raw one needs them here."""
    bare = _HEADER.pack(_ECHO_REQUEST, 0, 0, os.getpid() & 0xFFFF, number) + mark
    total = sum(struct.unpack(f"!{len(bare) // 2}H", bare))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return bare[:2] + struct.pack("!H", checksum) + bare[4:]


def _open() -> socket.socket:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            opened = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
        except PermissionError:
            continue
        opened.setblocking(False)
        return opened
    raise ToolMissingError("this process may not send ICMP echo", "sysctl -w net.ipv4.ping_group_range='0 2147483647'")
