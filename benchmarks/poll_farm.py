"""A farm of fast SNMP agents on 127.64.0.0/10: `python benchmarks/poll_farm.py COUNT [DELAY_MS EACH_MS LOSS | v3]`.

Every device is a MikroTik with 48 ports, four of them fibre, that answers from an address of its own on port 16161.
Counters and light differ from answer to answer (eight variants). Replies are made once per question and variant, so
that the agents cost little and the pollers are what is measured. One line on stdout says that it is ready.
"""

from __future__ import annotations

import heapq
import random
import selectors
import socket
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path

from ops.catalogue.device import device
from ops.system.sockets import Counters, listen_udp
from ops.twin.agent_mib import Port, Snapshot, view
from ops.twin.agent_snmp import Agent

FIRST, PORT = IPv4Address("127.64.0.1"), 16_161
PORTS, FIBRES, VARIANTS = 48, 4, 8
NAMES = tuple(f"sfp{n}" for n in range(1, PORTS + 1))


def variant(number: int) -> Snapshot:
    counted = {
        name: Counters(10**12 + number * 10**6 + at, 1, 0, 0, 10**11 + number * 10**5 + at)
        for at, name in enumerate(NAMES)
    }
    light = {
        name: {
            "receive_power_dbm": -8.4 - number / 100 - at / 10,
            "transmit_power_dbm": -5.1 - number / 200,
            "temperature_celsius": 41.0 + number % 3,
            "voltage_volts": 3.29 + number / 1000,
            "bias_amperes": 0.017,
            "rx_loss": 0.0,
        }
        for at, name in enumerate(NAMES[:FIBRES])
    }
    return Snapshot(1_000_000, 0, counted, dict.fromkeys(NAMES, True), light)  # type: ignore[arg-type]


class Farm:
    """`delay`, `each`: seconds before an answer, and more per value · `loss`: share of packets lost, each way."""

    def __init__(self, count: int, delay: float = 0.0, each: float = 0.0, loss: float = 0.0) -> None:
        ports = tuple(Port(name, name, n, 10**9, fibre=n <= FIBRES) for n, name in enumerate(NAMES, 1))
        self._agent = Agent(b"public", view("farm", device("mikrotik_routeros"), ports))
        self._variants = [variant(number) for number in range(VARIANTS)]
        self._made: dict[tuple[int, bytes], tuple[bytes, bytes]] = {}
        self._delay, self._each, self._loss = delay, each, loss
        self._later: list[tuple[float, int, socket.socket, bytes, tuple[str, int]]] = []
        self._count = 0
        self._selector = selectors.DefaultSelector()
        for n in range(count):
            self._selector.register(listen_udp(str(FIRST + n), PORT), selectors.EVENT_READ)

    def serve(self) -> None:
        while True:
            due = max(0.0, self._later[0][0] - time.monotonic()) if self._later else None
            for key, _ in self._selector.select(due):
                self._answer(key.fileobj)  # type: ignore[arg-type]
            while self._later and self._later[0][0] <= time.monotonic():
                _, _, opened, reply, sender = heapq.heappop(self._later)
                opened.sendto(reply, sender)

    def _answer(self, opened: socket.socket) -> None:
        raw, sender = opened.recvfrom(65_535)
        if self._loss and (random.random() < self._loss or random.random() < self._loss):
            return
        self._count += 1
        reply = self._reply(raw, self._count % VARIANTS)
        if not self._delay:
            opened.sendto(reply, sender)
            return
        at = time.monotonic() + self._delay + self._each * 32
        heapq.heappush(self._later, (at, self._count, opened, reply, sender))

    def _reply(self, raw: bytes, number: int) -> bytes:
        at = _request_at(raw)
        size = raw[at - 1]
        request, question = raw[at : at + size], raw[:at] + raw[at + size :]
        if (number, question) not in self._made:
            reply = self._agent.answer(raw, self._variants[number]) or b""
            place = _request_at(reply)
            self._made[number, question] = (reply[:place], reply[place + size :])
        before, after = self._made[number, question]
        return before + request + after


def _request_at(raw: bytes) -> int:
    """Where the request-id's bytes begin: after the sequence, the version, the community and the PDU's own head."""
    at = 2 + (raw[1] & 0x7F if raw[1] & 0x80 else 0)  # into the message
    at += 2 + raw[at + 1]  # past the version
    at += 2 + raw[at + 1]  # past the community
    at += 2 + (raw[at + 1] & 0x7F if raw[at + 1] & 0x80 else 0)  # into the PDU
    return at + 2


class GuardedFarm(Farm):
    """The same behind SNMPv3 (the tests' agent): every device is an engine of its own."""

    def __init__(self, count: int) -> None:
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
        from snmp_v3_rig import Guard  # noqa: PLC0415

        super().__init__(count)
        self._guards = [
            Guard(lambda raw: self._reply(raw, self._count % VARIANTS), engine=b"\x80\x00\x1f\x88\x04%d" % n)
            for n in range(count)
        ]

    def _answer(self, opened: socket.socket) -> None:
        raw, sender = opened.recvfrom(65_535)
        self._count += 1
        address = IPv4Address(opened.getsockname()[0])
        if reply := self._guards[int(address) - int(FIRST)].reply(raw):
            opened.sendto(reply, sender)


def main(count: int, *words: str) -> None:
    if words == ("v3",):
        farm: Farm = GuardedFarm(count)
    else:
        delay_ms, each_ms, loss = [*map(float, words), 0.0, 0.0, 0.0][:3]
        farm = Farm(count, delay_ms / 1000, each_ms / 1000, loss)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    farm.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
