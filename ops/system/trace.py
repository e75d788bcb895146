"""Which way packets go: UDP with a small time to live, and who sends back that it ran out. Needs no rights (Linux)."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass

MOST_HOPS = 24
WAIT = 1.0  # seconds for the last answer
_FIRST_PORT = 33_434  # traceroute's own; nobody listens there
_IP_RECVERR = 11  # of linux/in.h; the socket module does not know it
_ERROR = struct.Struct("=IBBBBII")  # sock_extended_err; the address of who sent it follows
_FROM_ICMP = 2
_UNREACHABLE, _EXCEEDED = 3, 11


@dataclass(frozen=True, slots=True)
class Trace:
    """`hops`: who answered, nearest first, None for no answer · `reached`: whether the far end itself answered."""

    hops: tuple[str | None, ...]
    reached: bool


def trace(addresses: Iterable[str], hops: int = MOST_HOPS, wait: float = WAIT) -> dict[str, Trace]:
    """The way to every address, all asked at the same time. Routers answer a few such packets per second only: ask for
    few addresses, seldom. An address that there is no route to has no hops."""
    with contextlib.ExitStack() as opened:
        asked = {address: opened.enter_context(_open()) for address in dict.fromkeys(addresses)}
        for address, one in asked.items():
            _send(one, address, hops)
        came: dict[str, dict[int, tuple[str, int]]] = {address: {} for address in asked}
        _collect(asked, came, time.monotonic() + wait)
    return {address: _trace(address, answers) for address, answers in came.items()}


def _open() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    return opened


def _send(opened: socket.socket, address: str, hops: int) -> None:
    """One packet per hop; its port says which. A refusal that is told here belongs to an earlier packet: once more."""
    for hop in range(1, hops + 1):
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop)
        for _ in range(2):
            with contextlib.suppress(OSError):
                opened.sendto(b"kominfo", (address, _FIRST_PORT + hop))
                break


def _collect(asked: dict[str, socket.socket], came: dict[str, dict[int, tuple[str, int]]], deadline: float) -> None:
    """Note who answered to which hop, and with what, until every far end has answered or time is up."""
    by_number = {one.fileno(): address for address, one in asked.items()}
    waiting = select.poll()
    for number in by_number:
        waiting.register(number, 0)  # errors are always told
    while by_number and (left := deadline - time.monotonic()) > 0:
        for number, _ in waiting.poll(left * 1000):
            address = by_number[number]
            _drain(asked[address], came[address])
            if _whole(came[address]):
                waiting.unregister(number)
                del by_number[number]


def _whole(answers: dict[int, tuple[str, int]]) -> bool:
    ends = [hop for hop, (_, kind) in answers.items() if kind == _UNREACHABLE]
    return bool(ends) and all(hop in answers for hop in range(1, min(ends)))


def _drain(opened: socket.socket, answers: dict[int, tuple[str, int]]) -> None:
    while True:
        try:
            _, extra, _, to = opened.recvmsg(64, 512, socket.MSG_ERRQUEUE)
        except OSError:
            return
        for level, kind, data in extra:
            if level == socket.IPPROTO_IP and kind == _IP_RECVERR and len(data) >= _ERROR.size + 8:
                error = _ERROR.unpack_from(data)
                if error[1] == _FROM_ICMP and error[2] in {_UNREACHABLE, _EXCEEDED}:
                    sender = socket.inet_ntoa(data[_ERROR.size + 4 : _ERROR.size + 8])
                    answers.setdefault(to[1] - _FIRST_PORT, (sender, error[2]))


def _trace(address: str, answers: dict[int, tuple[str, int]]) -> Trace:
    ends = [hop for hop, (sender, kind) in answers.items() if kind == _UNREACHABLE and sender == address]
    last = min(ends) - 1 if ends else max((hop for hop, (_, kind) in answers.items() if kind == _EXCEEDED), default=0)
    return Trace(tuple(answers[hop][0] if hop in answers else None for hop in range(1, last + 1)), bool(ends))
