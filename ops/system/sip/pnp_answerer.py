"""Answers SIP PnP for a while, at one place of an office's network."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from typing import Self

from ops.errors import OpsError
from ops.system import netns
from ops.system.sip import dialog as sip
from ops.system.sip import pnp
from ops.system.sip.message import Message
from ops.system.sip.place import Place
from ops.system.sip.wire import Endpoint, Wire

PATIENCE = 8.0  # seconds in which a telephone has to acknowledge its address
Tell = Callable[[str, pnp.Asked], None]


class Answerer:
    """Use as `async with Answerer(place, known, tell)`.

    `known`: MAC without colons → the address it is told (with its token: it goes to nobody else).
    `tell` hears what became of each one that asked, once each: told, deaf (it did not acknowledge), stranger (it is not
    in `known` and gets no answer), would (with `dry`, nothing is sent at all).
    """

    def __init__(self, place: Place, known: Mapping[str, str], tell: Tell, *, dry: bool = False) -> None:
        self._place, self._known, self._tell, self._dry = place, known, tell, dry
        self._port = place.port or pnp.PORT
        self._wire = Wire(self._heard)
        self._tasks: set[asyncio.Task[None]] = set()
        self._said: set[tuple[str, str]] = set()
        self._busy: set[str] = set()

    async def __aenter__(self) -> Self:
        door = _open(self._place, self._port)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self._wire, sock=door)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._wire.close()
        await asyncio.sleep(0)  # lets the transport close

    def _heard(self, message: Message, source: Endpoint) -> None:
        who = pnp.asked(message)
        if who is None or who.mac in self._busy:
            return
        if who.mac not in self._known:
            self._once("stranger", who)
        elif self._dry:
            self._once("would", who)
        else:
            self._busy.add(who.mac)
            task = asyncio.create_task(self._answer(message, who, source))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Message, who: pnp.Asked, source: Endpoint) -> None:
        me = sip.Party("pnp", self._place.address, self._place.address, self._port)
        tag = sip.token()
        try:
            self._wire.answer(message, pnp.accepted(message, me, tag), source)
            notify = pnp.told(message, me, tag, self._known[who.mac])
            answer = await self._wire.ask(notify, source, PATIENCE)
            self._once("told" if answer.status == 200 else "deaf", who)  # noqa: PLR2004 # OK
        except TimeoutError:
            self._once("deaf", who)
        finally:
            self._busy.discard(who.mac)

    def _once(self, what: str, who: pnp.Asked) -> None:
        if (what, who.mac) not in self._said:
            self._said.add((what, who.mac))
            self._tell(what, who)


def _open(place: Place, port: int) -> socket.socket:
    """A socket that hears the group, and whoever speaks to that port, on the network of that address."""
    with netns.inside(place.namespace) if place.namespace else contextlib.nullcontext():
        door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            door.setblocking(False)
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(("", port))
            here = socket.inet_aton(place.address)
            door.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(pnp.GROUP) + here)
        except OSError as error:
            door.close()
            next_step = "is a softphone open here, or is that address not this machine's?"
            raise OpsError(f"SIP PnP on {place.address}, port {port}: {error.strerror}", next_step) from None
    return door
