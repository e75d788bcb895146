"""A cycle ends at its deadline: agents that hang, trickle or hang while their ports are found hold nobody up.

Slow agents of these tests answer when they are released, which is after the cycle's text has come: a cycle that waits
for one of them waits for its patience to end, far beyond what the test waits.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from snmp_rig import Box, Farm, farm, values

from exporters import cycle as cycles
from exporters.cycle import Cycle
from exporters.device import Polled
from ops.system import snmp_patience
from ops.system.ber import Message, Pdu

BYTES, UP = "opd_interface_receive_bytes_total", "opd_poll_up"
GOOD = 50
SILENT, HANGS_IN_DISCOVERY, TRICKLES, WAS_GOOD = range(GOOD, GOOD + 4)
ENOUGH = 120.0  # seconds; a busy machine


@pytest.fixture(autouse=True)
def long_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_patience, "PATIENCE", (600.0, 600.0, 600.0))
    monkeypatch.setattr(cycles, "DEADLINE_SECONDS", 1.0)


def always(_: Message) -> bool:
    return True


def discovery(asked: Message) -> bool:
    return asked.pdu is Pdu.GET_BULK


def boxes() -> list[Box]:
    return [*(Box() for _ in range(GOOD)), Box(holds=always), Box(holds=discovery), Box(holds=always), Box()]


def told(text: str, places: range | list[int]) -> bool:
    """Whether a text has the counters of all these."""
    found = values(text, BYTES)
    return all((f"d{at}-rtr1", f"sfp{n}") in found for at in places for n in (1, 2))


async def text_with(cycle: Cycle, places: range | list[int], made: Farm, without: int = -1) -> str:
    """The first text that tells of all these; one packet of the one that trickles goes out after each text."""
    end = time.monotonic() + ENOUGH
    while True:
        text = await cycle.run()
        made.release(TRICKLES, 1)
        if told(text, places) and not told(text, [without]):
            return text
        assert time.monotonic() < end, "those that answer are held up"
        await asyncio.sleep(0.1)  # scrapes are apart


async def close(cycle: Cycle, devices: list[Polled]) -> None:
    await cycle.close()
    for one in devices:
        one.close()


def test_slow_agents_hold_nobody_and_count_when_they_answer() -> None:
    async def run(made: Farm) -> tuple[str, str]:
        devices = [made.polled(at) for at in range(len(made.boxes))]
        cycle = Cycle(devices)
        await text_with(cycle, [*range(GOOD), WAS_GOOD], made)
        made.boxes[WAS_GOOD].holds = always
        slow = await text_with(cycle, range(GOOD), made, WAS_GOOD)
        for at in (SILENT, HANGS_IN_DISCOVERY, TRICKLES, WAS_GOOD):
            made.boxes[at].holds = None
        for at in (SILENT, HANGS_IN_DISCOVERY, TRICKLES, WAS_GOOD):
            made.release(at, 1000)
        quick = await text_with(cycle, range(len(made.boxes)), made)
        await close(cycle, devices)
        return slow, quick

    with farm(boxes()) as made:
        slow, quick = asyncio.run(asyncio.wait_for(run(made), 2 * ENOUGH))
    for at in (SILENT, HANGS_IN_DISCOVERY, WAS_GOOD):  # the one that trickles may have come to its end
        assert values(slow, UP)[f"d{at}-rtr1", ""] == 0
        assert (f"d{at}-rtr1", "sfp1") not in values(slow, BYTES)
    assert set(values(quick, UP).values()) == {1}


def test_more_hanging_agents_than_places_let_the_others_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycles, "IN_FLIGHT", 2)
    monkeypatch.setattr("exporters.places.HELD_SECONDS", 0.1)

    async def run(made: Farm) -> str:
        devices = [made.polled(at) for at in range(len(made.boxes))]
        cycle = Cycle(devices)
        text = await text_with(cycle, [6], made)
        await close(cycle, devices)
        return text

    with farm([*(Box(holds=always) for _ in range(6)), Box()]) as made:
        assert values(asyncio.run(run(made)), UP)["d6-rtr1", ""] == 1


def test_one_whose_turn_has_not_come_is_not_called_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycles, "IN_FLIGHT", 1)
    monkeypatch.setattr("exporters.places.HELD_SECONDS", 600.0)

    async def run(made: Farm) -> str:
        devices = [made.polled(at) for at in range(2)]
        cycle = Cycle(devices)
        text = await cycle.run()
        await close(cycle, devices)
        return text

    with farm([Box(holds=always), Box(holds=always)]) as made:
        text = asyncio.run(run(made))
    assert values(text, UP) == {("d0-rtr1", ""): 0}
    assert {device for device, _ in values(text, "opd_contract_download_bytes_per_second")} == {"d0-rtr1", "d1-rtr1"}


def test_ports_that_are_due_are_looked_for_again_beside_the_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour has gone by: the device goes on being polled while a walk of it hangs."""

    async def run(made: Farm) -> list[bool]:
        device = made.polled(0)
        cycle = Cycle([device])
        seen = [told(await cycle.run(), [0])]
        monkeypatch.setattr("exporters.device.REDISCOVER_SECONDS", 0.0)
        made.boxes[0].holds = discovery
        seen += [told(await cycle.run(), [0]) for _ in range(3)]
        monkeypatch.setattr("exporters.device.REDISCOVER_SECONDS", 3600.0)
        made.boxes[0].holds = None
        made.release(0, 1000)
        await asyncio.wait_for(cycle.settled(), ENOUGH)
        text = await cycle.run()
        seen.append(told(text, [0]) and values(text, "opd_poll_discoveries")["d0-rtr1", ""] == 2)
        await close(cycle, [device])
        return seen

    monkeypatch.setattr(cycles, "DEADLINE_SECONDS", 60.0)
    with farm([Box()]) as made:
        assert asyncio.run(run(made)) == [True] * 5
