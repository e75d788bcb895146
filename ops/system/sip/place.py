"""Who a telephone is and where it stands; the UDP sockets that it opens there."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field

from ops.errors import OpsError
from ops.system import netns
from ops.system.sip.wire import Endpoint


@dataclass(frozen=True, slots=True)
class Account:
    """A number at an exchange. `server`: where its SIP requests go; `others`: where they go when it is silent."""

    number: str
    password: str = field(repr=False)
    domain: str
    server: Endpoint
    others: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the telephone stands: its own address, and the network namespace that has it (None: this machine's).

    `port`: of its SIP; any free one when 0, a well-known one for who is called without registering.
    """

    address: str
    namespace: str | None = None
    port: int = 0


def open_udp(place: Place, what: str, port: int = 0) -> socket.socket:
    """A UDP socket on that address; any port when 0. It is made inside the namespace and stays there."""
    with netns.inside(place.namespace) if place.namespace else contextlib.nullcontext():
        door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            door.setblocking(False)
            door.bind((place.address, port))
        except OSError as error:
            door.close()
            raise OpsError(f"{what} socket on {place.address}: {error.strerror}") from None
    return door


def towards(server: Endpoint) -> str:
    """This machine's own address on the way to `server`; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        try:
            door.connect(server)
        except OSError as error:
            raise OpsError(f"no way to {server[0]}: {error.strerror}") from None
        return str(door.getsockname()[0])
