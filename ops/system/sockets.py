"""Sockets that listen, opened in a network namespace if one is named, and what the kernel says of its interfaces."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from dataclasses import dataclass

from ops.errors import OpsError
from ops.system import netns

Socket = socket.socket  # for those who hand one on and must not open their own

_SIOCGIFFLAGS = 0x8913
_IFF_RUNNING = 0x40
_IP_FREEBIND = 15  # linux/in.h: an address may be bound before it exists
_IN_OCTETS, _OUT_OCTETS = 0, 8  # columns of /proc/net/dev
_COLUMNS = 16


@dataclass(frozen=True, slots=True)
class Counters:
    """One interface since it was made: bytes, packets, errors and drops each way."""

    in_octets: int = 0
    in_packets: int = 0
    in_errors: int = 0
    in_drops: int = 0
    out_octets: int = 0
    out_packets: int = 0
    out_errors: int = 0
    out_drops: int = 0


def listen_udp(address: str, port: int, namespace: str | None = None) -> socket.socket:
    """A bound UDP socket that does not block. OpsError names the address when it is taken."""
    return _open(socket.SOCK_DGRAM, address, port, namespace)


def listen_tcp(address: str, port: int, namespace: str | None = None) -> socket.socket:
    """A listening TCP socket that does not block."""
    opened = _open(socket.SOCK_STREAM, address, port, namespace)
    opened.listen(16)
    return opened


def _open(kind: int, address: str, port: int, namespace: str | None) -> socket.socket:
    with netns.inside(namespace) if namespace else contextlib.nullcontext():
        opened = socket.socket(socket.AF_INET, kind)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
        opened.setsockopt(socket.SOL_IP, _IP_FREEBIND, 1)
        opened.bind((address, port))
    except OSError as error:
        opened.close()
        raise OpsError(f"{address}:{port}: {error.strerror}", "see what holds the port: ss -lnp") from None
    return opened


class Interfaces:
    """The interfaces of one namespace (None: this one): files and sockets opened once, read again and again."""

    def __init__(self, namespace: str | None = None) -> None:
        with netns.inside(namespace) if namespace else contextlib.nullcontext():
            self._table = os.open("/proc/thread-self/net/dev", os.O_RDONLY)
            self._asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def counters(self) -> dict[str, Counters]:
        """Counters of every interface by its kernel name."""
        found = {}
        for line in _read_all(self._table).decode().splitlines()[2:]:
            name, _, numbers = line.partition(":")
            row = [int(word) for word in numbers.split()]
            if len(row) == _COLUMNS:
                found[name.strip()] = Counters(*row[_IN_OCTETS : _IN_OCTETS + 4], *row[_OUT_OCTETS : _OUT_OCTETS + 4])
        return found

    def running(self, name: str) -> bool:
        """Whether interface `name` is up and has a carrier; False when there is none of that name."""
        ask = struct.pack("16sH14x", name.encode()[:15], 0)
        try:
            flags: int = struct.unpack("16sH14x", fcntl.ioctl(self._asker, _SIOCGIFFLAGS, ask))[1]
        except OSError:
            return False
        return bool(flags & _IFF_RUNNING)

    def close(self) -> None:
        os.close(self._table)
        self._asker.close()


def _read_all(handle: int) -> bytes:
    text, at = b"", 0
    while chunk := os.pread(handle, 65536, at):
        text += chunk
        at += len(chunk)
    return text
