"""A router whose ports are renumbered or that restarts is looked up anew within the same poll."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from exporters import device as polling
from exporters.device import Polled
from ops.catalogue.device import device
from ops.inventory.load import load
from ops.inventory.watched import watched
from ops.system.snmp import SnmpDevice, SnmpLogin
from ops.system.sockets import Counters, listen_udp
from ops.twin.agent_mib import Port, Snapshot, view
from ops.twin.agent_snmp import Agent

REGION = load(Path(__file__).parents[2] / "inventories/batubara")
DECLARED = next(one for one in watched(REGION.opds) if one.router.name == "dinkes-rtr1")
HERE = DECLARED.link.model_copy(update={"address": IPv4Interface("127.0.0.1/8")})  # what echo requests go to
ONE = replace(DECLARED, link=HERE)
COUNTERS = {"fibre": Counters(in_octets=1000), "other": Counters(in_octets=9)}


class Box:
    """A router on 127.0.0.1 whose table can be changed while it is polled."""

    def __init__(self) -> None:
        self.ports = (Port("sfp1", "fibre", 2, 10**9, fibre=True), Port("ether1", "other", 3, 10**9))
        self.ticks, self.changed = 1000, 0

    def answer(self, raw: bytes) -> bytes | None:
        seen = Snapshot(self.ticks, self.changed, COUNTERS, {"fibre": True, "other": True}, {})
        return Agent(b"public", view("r", device("mikrotik_routeros"), self.ports)).answer(raw, seen)

    def renumber(self) -> None:
        self.ports = (Port("ether1", "other", 2, 10**9), Port("sfp1", "fibre", 3, 10**9, fibre=True))


@pytest.fixture(autouse=True)
def every_poll_is_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "FRESH_SECONDS", 0.0)


@contextmanager
def running(box: Box) -> Iterator[int]:
    with closing(listen_udp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)

        def serve() -> None:
            while (raw := opened.recvfrom(65_535))[0] != b"end":
                reply = box.answer(raw[0])
                if reply:
                    opened.sendto(reply, raw[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield opened.getsockname()[1]
        finally:  # a test that fails must not leave a thread that keeps the process alive
            opened.sendto(b"end", opened.getsockname())
            thread.join()


def series(text: str, name: str) -> float:
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name}{{"))


def test_ports_are_found_again_when_they_moved() -> None:
    box = Box()

    async def story(port: int) -> list[tuple[float, float]]:
        polled = Polled(SnmpDevice("dinkes-rtr1", "127.0.0.1", SnmpLogin("public"), port), [ONE], REGION.plant)
        told = []

        async def look() -> None:
            _, text = await polled.poll()
            told.append((series(text, "opd_interface_receive_bytes_total"), series(text, "opd_poll_discoveries")))

        await look()
        box.ticks += 500
        await look()
        box.renumber()  # the same uptime, another ifIndex
        await look()
        box.ticks = 10  # restarted
        await look()
        box.changed = 7  # ifTableLastChange
        await look()
        await look()
        return told

    with running(box) as port:
        told = asyncio.run(story(port))
    assert [value for value, _ in told] == [1000.0] * 6  # never the other port's 9
    assert [count for _, count in told] == [1, 1, 2, 3, 4, 4]


def test_a_port_that_the_device_does_not_have_gives_no_sample() -> None:
    box = Box()
    box.ports = (Port("ether1", "other", 2, 10**9),)

    async def look(port: int) -> str:
        polled = Polled(SnmpDevice("dinkes-rtr1", "127.0.0.1", SnmpLogin("public"), port), [ONE], REGION.plant)
        return (await polled.poll())[1]

    with running(box) as port:
        text = asyncio.run(look(port))
    assert series(text, "opd_poll_up") == 1
    assert "opd_interface_" not in text


def test_those_who_ask_at_once_share_one_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "FRESH_SECONDS", 60.0)
    box = Box()

    async def ask(port: int) -> list[tuple[bool, str]]:
        device_ = SnmpDevice("dinkes-rtr1", "127.0.0.1", SnmpLogin("public"), port)
        polled = Polled(device_, [ONE], REGION.plant)
        return [*await asyncio.gather(*(polled.poll() for _ in range(5))), await polled.poll()]

    with running(box) as port:
        answers = asyncio.run(ask(port))
    assert len(set(answers)) == 1
