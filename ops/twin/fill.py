"""TCP through an office's first link in a twin, as fast as the line lets it: what a contract's queue really gives."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass

from ops.errors import OpsError
from ops.system import netns
from ops.twin.records import read_network
from ops.world import World

BLOCK = 64 * 1024
WARM = 0.7  # seconds that do not count: TCP finds the rate, and the queue's burst is used up


@dataclass(frozen=True, slots=True)
class Filled:
    """Bits per second of payload that arrived, seen from the office."""

    download: float
    upload: float


def fill(world: World, opd: str, seconds: float = 3.0) -> Filled:
    """One stream each way, one after the other. OpsError if the twin has no such office."""
    network = read_network(world.state)
    lan = next((lan for lan in network.get("lans", {}).values() if lan["opd"] == opd), None)
    if lan is None:
        raise OpsError(f"the twin {world.name} has no LAN of office {opd}", "ops twin status")
    inside, outside = (
        (lan["namespace"], lan["address"]),
        tuple(network["station"][key] for key in ("namespace", "address")),
    )
    return Filled(_stream(outside, inside, seconds), _stream(inside, outside, seconds))


def _stream(source: tuple[str, ...], sink: tuple[str, ...], seconds: float) -> float:
    with contextlib.ExitStack() as stack:
        with netns.inside(sink[0]):
            listening = stack.enter_context(socket.create_server((sink[1], 0)))
        listening.settimeout(seconds + 10)
        with netns.inside(source[0]):
            sending = stack.enter_context(socket.create_connection(listening.getsockname(), 10))
        receiving = stack.enter_context(listening.accept()[0])
        receiving.settimeout(10)
        thread = threading.Thread(target=_send, args=(sending, seconds + WARM))
        thread.start()
        try:
            return _count(receiving)
        finally:
            thread.join()


def _send(sending: socket.socket, seconds: float) -> None:
    sending.settimeout(10)
    end, load = time.monotonic() + seconds, bytes(BLOCK)
    with contextlib.suppress(OSError):  # the one who counts sees what arrived
        while time.monotonic() < end:
            sending.sendall(load)
        sending.shutdown(socket.SHUT_WR)


def _count(receiving: socket.socket) -> float:
    start = last = time.monotonic()
    arrived = 0
    while taken := receiving.recv(BLOCK):
        last = time.monotonic()
        if last - start < WARM:
            begun = last
        else:
            arrived += len(taken)
    return arrived * 8 / max(last - begun, 0.001)
