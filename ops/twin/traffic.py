"""Traffic through an office's link in a twin: paced UDP between a host of its LAN and the operations station."""

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

PACKET = 1_400  # bytes of payload
WIRE = PACKET + 42  # with UDP, IP and Ethernet headers: what an interface's counter sees
TICK = 0.01  # seconds between bursts
_BUFFER = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Flow:
    """Bits per second on the wire each way, seen from the office, for so many seconds. 0 is no traffic that way."""

    upload: int = 0
    download: int = 0
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Carried:
    """What was sent and what arrived, in bits per second on the wire."""

    sent_upload: float
    sent_download: float
    arrived_upload: float
    arrived_download: float


def send(world: World, opd: str, flow: Flow) -> Carried:
    """Send a flow through an office's first link and count at the far end. OpsError if the twin has no such office."""
    network = read_network(world.state)
    lan = next((lan for lan in network.get("lans", {}).values() if lan["opd"] == opd), None)
    if lan is None:
        raise OpsError(f"the twin {world.name} has no LAN of office {opd}", "ops twin status")
    station = network["station"]
    with contextlib.ExitStack() as stack:
        inside = stack.enter_context(_socket(lan["namespace"], lan["address"]))
        outside = stack.enter_context(_socket(station["namespace"], station["address"]))
        up = _Stream(inside, outside, flow.upload, flow.seconds)
        down = _Stream(outside, inside, flow.download, flow.seconds)
        threads = [threading.Thread(target=work) for one in (up, down) if one.rate for work in (one.receive, one.send)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return Carried(up.speed(up.sent), down.speed(down.sent), up.speed(up.arrived), down.speed(down.arrived))


class _Stream:
    """One direction, from one socket to the other."""

    def __init__(self, source: socket.socket, sink: socket.socket, rate: int, seconds: float) -> None:
        self._source, self._sink, self.rate, self._seconds = source, sink, rate, seconds
        self._to = sink.getsockname()
        self.sent = self.arrived = 0  # packets
        self._ended = threading.Event()

    def speed(self, packets: int) -> float:
        return packets * WIRE * 8 / self._seconds

    def send(self) -> None:
        start, load = time.monotonic(), bytes(PACKET)
        while (passed := time.monotonic() - start) < self._seconds:
            due = int(passed * self.rate / 8 / WIRE)
            for _ in range(due - self.sent):
                with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                    self._source.sendto(load, self._to)
                self.sent += 1
            time.sleep(TICK)
        self._ended.set()

    def receive(self) -> None:
        """Count what arrives until a moment after the last was sent."""
        self._sink.settimeout(0.3)
        while True:
            try:
                self._sink.recvfrom(PACKET + 1)
            except TimeoutError:
                if self._ended.is_set():
                    return
            else:
                self.arrived += 1


def _socket(namespace: str, address: str) -> socket.socket:
    with netns.inside(namespace):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        opened.bind((address, 0))
    except OSError as error:
        opened.close()
        raise OpsError(f"{namespace} {address}: {error.strerror}", "ops twin status") from None
    return opened
