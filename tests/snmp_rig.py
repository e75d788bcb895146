"""Routers that answer SNMP on 127.x.y.z from one thread, each as it is told to behave, and devices that poll them."""

from __future__ import annotations

import selectors
import socket
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

from snmp_v3_rig import Guard

from exporters.device import Polled
from ops.catalogue.device import device
from ops.inventory.load import load
from ops.inventory.watched import Watched, watched
from ops.system.ber import Message, Oid, Pdu, Tag, Value, decode, encode
from ops.system.snmp import Login, SnmpDevice, SnmpLogin
from ops.system.sockets import Counters, listen_udp
from ops.twin.agent_mib import Port, Snapshot, view
from ops.twin.agent_snmp import Agent

REGION = load(Path(__file__).parents[1] / "inventories/batubara")
DECLARED = next(one for one in watched(REGION.opds) if one.router.name == "dinkes-rtr1")
FIRST = IPv4Address("127.80.0.1")
LIGHT = {"receive_power_dbm": -8.4, "transmit_power_dbm": -5.0, "temperature_celsius": 41.0, "voltage_volts": 3.3,
         "bias_amperes": 0.017, "rx_loss": 0.0}  # fmt: skip
Behave = Callable[[Message, bytes], list[bytes]]  # the question, the good answer to it; what is sent instead
GONE = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)


@dataclass
class Box:
    """A router: four ports, two of them fibre. `narrow`: has no ifXTable but ifName."""

    ports: tuple[Port, ...] = tuple(Port(f"sfp{n}", f"sfp{n}", n, 10**9, fibre=n < 3) for n in (1, 2, 3, 4))
    ticks: int = 100_000
    changed: int = 0
    octets: int = 10**9
    narrow: bool = False
    light: dict[str, dict[str, float | None]] = field(default_factory=lambda: {"sfp1": LIGHT, "sfp2": LIGHT})
    behave: Behave = lambda _, good: [good]
    versions: tuple[int, ...] = (1,)
    stranger: socket.socket | None = None  # from where it answers, if not from where it was asked
    holds: Callable[[Message], bool] | None = None  # what it answers only when `Farm.release` says so
    guarded: bool = False  # by SNMPv3
    _guard: Guard | None = None

    def answers(self, raw: bytes) -> list[bytes]:
        if not self.guarded:
            return self._plain(raw)
        said: list[bytes] = []

        def answer(bare: bytes) -> bytes | None:
            said.extend(self._plain(bare))
            return said[0] if said else None

        self._guard = self._guard or Guard(answer)
        self._guard.answer = answer
        reply = self._guard.reply(raw)
        return [reply] * max(1, len(said)) if reply else []

    def _plain(self, raw: bytes) -> list[bytes]:
        asked = decode(raw, (0, 1))
        if asked.version not in self.versions:
            return []
        counted = {
            port.kernel: Counters(self.octets + port.ifindex, 1, 2, 3, self.octets // 2, 1, 4, 5) for port in self.ports
        }
        seen = Snapshot(self.ticks, self.changed, counted, {port.kernel: True for port in self.ports}, self.light)  # type: ignore[arg-type]
        good = _agent(self.ports, self.narrow).answer(encode(replace(asked, version=1)), seen)
        if good is None:
            return []
        if asked.version == 0:
            good = as_v1(asked, decode(good))
        return self.behave(asked, good)


@cache
def _agent(ports: tuple[Port, ...], narrow: bool) -> Agent:
    rows = view("r", device("mikrotik_routeros"), ports)
    if narrow:
        rows = {oid: get for oid, get in rows.items() if oid[:10] != GONE or oid[10] in {1, 18}}
    return Agent(b"public", rows)


def as_v1(asked: Message, good: Message) -> bytes:
    """The same answer as a v1 agent gives it: no 64 bits, and one name that it does not have spoils all."""
    for at, (_, value) in enumerate(good.varbinds, 1):
        if value.tag in {Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW, Tag.COUNTER64}:
            return encode(replace(good, version=0, status=2, index=at, varbinds=asked.varbinds))
    return encode(replace(good, version=0))


def reply(asked: Message, found: list[tuple[Oid, Value]], status: int = 0, index: int = 0) -> bytes:
    return encode(Message(asked.community, Pdu.RESPONSE, asked.request, status, index, tuple(found), asked.version))


class Farm:
    """`boxes` answer at FIRST and the addresses after it, on one port. `packets`: how many each was sent."""

    def __init__(self, boxes: list[Box]) -> None:
        self.boxes, self.packets = boxes, Counter[int]()
        self._held: dict[int, deque[tuple[bytes, tuple[str, int]]]] = defaultdict(deque)
        self.port = 0
        self._selector = selectors.DefaultSelector()
        self._opened = []
        for at, _ in enumerate(boxes):
            opened = listen_udp(str(FIRST + at), self.port)
            self.port = self.port or opened.getsockname()[1]
            self._opened.append(opened)
            self._selector.register(opened, selectors.EVENT_READ, at)

    def serve(self, ended: threading.Event) -> None:
        while not ended.is_set():
            for key, _ in self._selector.select(0.05):
                at, opened = key.data, key.fileobj
                raw, sender = opened.recvfrom(65_535)  # type: ignore[union-attr]
                self.packets[at] += 1
                holds = self.boxes[at].holds
                held = holds is not None and holds(decode(raw, (0, 1)))
                for answer in self.boxes[at].answers(raw):
                    if held:
                        self._held[at].append((answer, sender))
                    else:
                        (self.boxes[at].stranger or opened).sendto(answer, sender)  # type: ignore[union-attr]

    def release(self, at: int, count: int) -> int:
        """Send so many of the answers that box `at` has held; how many there were."""
        held = self._held[at]
        for sent in range(count):
            if not held:
                return sent
            self._opened[at].sendto(*held.popleft())
        return count

    def close(self) -> None:
        self._selector.close()
        for opened in self._opened:
            opened.close()

    def polled(self, at: int, login: Login | None = None) -> Polled:
        """A device that polls box `at`, whose ports sfp1 and sfp2 are declared."""
        name = f"d{at}-rtr1"
        router = DECLARED.router.model_copy(update={"name": name, "address": FIRST + at})
        snmp = SnmpDevice(name, str(FIRST + at), login or SnmpLogin("public"), self.port)
        return Polled(snmp, [_link(router, n) for n in (1, 2)], REGION.plant, echoes=False)


def _link(router: object, n: int) -> Watched:
    changed = {"name": f"wan{n}", "ifname": f"sfp{n}"}
    return replace(DECLARED, router=router, link=DECLARED.link.model_copy(update=changed))  # type: ignore[arg-type]


@contextmanager
def farm(boxes: list[Box]) -> Iterator[Farm]:
    made, ended = Farm(boxes), threading.Event()
    thread = threading.Thread(target=made.serve, args=(ended,))
    thread.start()
    try:
        yield made
    finally:
        ended.set()
        thread.join()
        made.close()


def values(text: str, name: str) -> dict[tuple[str, str], float]:
    """A metric's values by device and ifname ("" where there is none)."""
    found = {}
    for line in text.splitlines():
        if line.startswith(f"{name}{{"):
            labels = dict(pair.split("=", 1) for pair in line[len(name) + 1 : line.rindex("}")].split(","))
            found[labels["device"].strip('"'), labels.get("ifname", "").strip('"')] = float(line.split()[-1])
    return found
