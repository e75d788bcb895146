"""Series that stay right through restarts, wraps, renumbered and swapped ports, lost packets: never a spike."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snmp_rig import LIGHT, Box, Farm, farm, values

from exporters import device as polling
from exporters.collectors.optics import modules, value
from exporters.cycle import Cycle
from exporters.quick_light import quick_reader
from exporters.sensor import Sensor
from exporters.shards import Shard
from exporters.widened import Narrow, Widened
from ops.catalogue.device import device, names
from ops.catalogue.optical import Column
from ops.errors import UsageError
from ops.system.snmp import SnmpLogin
from ops.twin.agent_mib import Port

BYTES = "opd_interface_receive_bytes_total"
ONE = ("d0-rtr1", "sfp1")


@dataclass
class Story:
    """One box and what every cycle over it told."""

    box: Box = field(default_factory=Box)
    texts: list[str] = field(default_factory=list)
    packets: list[int] = field(default_factory=list)

    def tell(self, *changes: Callable[[Box], None], login: SnmpLogin | None = None) -> None:
        """A cycle, then one after each change."""

        async def run(made: Farm) -> None:
            cycle = Cycle([made.polled(0, login)])
            for change in (lambda _: None, *changes):
                change(self.box)
                before = made.packets[0]
                self.texts.append(await cycle.run())
                self.packets.append(made.packets[0] - before)
            await cycle.close()

        with farm([self.box]) as made:
            asyncio.run(run(made))

    def series(self, name: str, ifname: str = "sfp1") -> list[float | None]:
        return [values(text, name).get(("d0-rtr1", ifname)) for text in self.texts]


def more(octets: int) -> Callable[[Box], None]:
    def change(box: Box) -> None:
        box.octets += octets
        box.ticks += 1500

    return change


def test_one_packet_a_cycle_once_the_ports_are_known() -> None:
    story = Story()
    story.tell(more(1000), more(1000))
    assert story.packets[1:] == [1, 1]
    assert story.series(BYTES) == [10**9 + 1, 10**9 + 1001, 10**9 + 2001]


def test_a_restart_is_a_counter_that_begins_again() -> None:
    def restart(box: Box) -> None:
        box.ticks, box.octets = 50, 10

    story = Story()
    story.tell(more(5), restart, more(5))
    assert story.series(BYTES) == [10**9 + 1, 10**9 + 6, 11, 16]
    assert story.series("opd_poll_discoveries", "") == [1, 1, 2, 2]


def test_64_bits_wrap_where_a_double_would_round() -> None:
    story = Story(Box(octets=2**53 - 3))
    story.tell(more(1), more(10))
    assert story.series(BYTES) == [2**53 - 2, 2**53 - 1, 9]


def test_32_bits_go_on_past_their_wrap() -> None:
    story = Story(Box(narrow=True, octets=2**32 - 11))
    story.tell(more(5), more(1000), more(1000))  # as little as a port carries in the time of a quick cycle
    assert story.series(BYTES) == [2**32 - 10, 2**32 - 5, 2**32 + 995, 2**32 + 1995]


def test_a_cleared_32_bit_counter_is_no_wrap() -> None:
    """Within one poll no port of 1 Gbit/s carries the gigabytes that a wrap would mean."""

    def clear(box: Box) -> None:
        box.octets = 100

    story = Story(Box(narrow=True, octets=10**9))
    story.tell(more(5), clear, more(5))
    assert story.series(BYTES) == [10**9 + 1, 10**9 + 6, 101, 106]


def test_counters_of_64_and_32_bits_never_mix() -> None:
    def lose_wide(box: Box) -> None:
        box.narrow = True

    def find_wide(box: Box) -> None:
        box.narrow = False

    story = Story(Box(octets=5 * 2**32))
    story.tell(more(7), lose_wide, find_wide)
    assert story.series(BYTES) == [5 * 2**32 + 1, 5 * 2**32 + 8, None, 5 * 2**32 + 8]


def test_a_renumbered_port_keeps_its_own_series() -> None:
    def turn(box: Box) -> None:
        rest = box.ports[2:]
        box.ports = (Port("sfp2", "sfp2", 1, 10**9, fibre=True), Port("sfp1", "sfp1", 2, 10**9, fibre=True), *rest)

    story = Story()
    story.tell(turn, more(0))
    assert story.series(BYTES) == [10**9 + 1, 10**9 + 2, 10**9 + 2]  # the box counts by ifIndex
    assert story.series(BYTES, "sfp2") == [10**9 + 2, 10**9 + 1, 10**9 + 1]
    assert story.series("opd_poll_discoveries", "") == [1, 2, 2]


def test_a_device_that_renumbers_all_the_time_gives_no_values_of_another_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SOME_DISCOVERIES", 2)

    def turn(box: Box) -> None:
        first, second, *rest = box.ports
        box.ports = (Port(second.ifname, second.kernel, 1, 10**9), Port(first.ifname, first.kernel, 2, 10**9), *rest)

    story = Story()
    story.tell(turn, turn, turn)
    assert story.series(BYTES) == [10**9 + 1, 10**9 + 2, None, 10**9 + 2]
    assert story.packets[3] <= 2
    assert story.series("opd_poll_up", "") == [1, 1, 1, 1]


def test_a_swapped_module_is_looked_for_again_and_tells_its_own_light() -> None:
    def pull(box: Box) -> None:
        box.light = {"sfp2": LIGHT}

    def plug(box: Box) -> None:
        box.light = {"sfp1": LIGHT | {"receive_power_dbm": -12.5}, "sfp2": LIGHT}

    story = Story()
    story.tell(pull, plug, more(0))
    assert story.series("opd_optical_receive_power_dbm") == [-8.4, None, -12.5, -12.5]
    assert story.series("opd_optical_receive_power_dbm", "sfp2") == [-8.4] * 4


def test_dark_fibre_gives_loss_and_no_power() -> None:
    def dark(box: Box) -> None:
        box.light = {"sfp1": LIGHT | {"receive_power_dbm": None, "rx_loss": 1.0}, "sfp2": LIGHT}

    story = Story()
    story.tell(dark)
    assert story.series("opd_optical_receive_power_dbm") == [-8.4, None]
    assert story.series("opd_optical_rx_loss") == [0, 1]
    assert story.series("opd_optical_transmit_power_dbm") == [-5, -5]


def test_v1_tells_what_it_has() -> None:
    story = Story(Box(versions=(0,), octets=10**9))
    story.tell(more(5), more(5), login=SnmpLogin("public", "1"))
    assert story.series(BYTES) == [10**9 + 1, 10**9 + 6, 10**9 + 11]
    assert story.series("opd_optical_receive_power_dbm") == [-8.4] * 3
    assert story.packets[2] <= 2


def test_at_two_percent_loss_nobody_fails() -> None:
    chance, lossy = random.Random(7), []
    two = Box().ports[:2]
    boxes = [Box(two, behave=lambda _, good: [] if lossy and chance.random() < 0.04 else [good]) for _ in range(200)]

    async def run(made: Farm) -> list[int]:
        cycle = Cycle([made.polled(at) for at in range(len(boxes))])
        await cycle.run()
        lossy.append(True)  # each way
        found = [sum(values(await cycle.run(), "opd_poll_up").values()) for _ in range(3)]
        await cycle.close()
        return found

    with farm(boxes) as made:
        assert asyncio.run(run(made)) == [200, 200, 200]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.floats(0.1, 30)), max_size=30), st.integers(0, 2**32 - 1))
def test_a_narrow_counter_counts_what_a_wide_one_would(steps: list[tuple[int, float]], start: int) -> None:
    narrow, widened = Narrow(("sfp1", BYTES), 0, 1, 2), Widened()
    now, wide = 0.0, start
    widened.widen([narrow], [start, 0, 10_000], now, restarted=True)
    for octets, seconds in steps:
        now, wide = now + seconds, wide + min(octets, int(seconds * 10**9))
        row = [wide % 2**32, 0, 10_000]
        widened.widen([narrow], row, now, restarted=False)
        assert row[0] == wide


RAW = st.one_of(st.none(), st.integers(-50_000, 70_000), st.sampled_from([0, -1, 65535, 2147483647]))


@given(st.sampled_from(names()), st.lists(RAW, min_size=6, max_size=6))
def test_light_read_quickly_is_light_read_with_care(model: str, raw: list[int | None]) -> None:
    optical = device(model).optical
    for table in optical.tables if optical else ():
        columns: list[tuple[str, Column]] = list(table.columns.items())
        module = modules([Sensor(name, f"1.3.{at}", column.value) for at, (name, column) in enumerate(columns)])[0]  # type: ignore[arg-type]
        held = {sensor.oid: one for sensor, one in zip(module.values(), raw, strict=False)}
        for name in module:
            read = quick_reader(module, name)
            asked = [one for one in ("receive_power_dbm", "transmit_power_dbm", "rx_loss") if one in module]
            needed = asked if name in {"receive_power_dbm", "rx_loss"} else [name]
            assert read
            assert read(*(held.get(module[one].oid) for one in needed)) == value(module, name, held)  # type: ignore[index]


def test_every_device_is_of_one_shard_and_few_move() -> None:
    devices = [f"opd{n}-rtr1" for n in range(800)]
    eight = {name: [n for n in range(1, 9) if Shard(n, 8).has(name)] for name in devices}
    nine = {name: [n for n in range(1, 10) if Shard(n, 9).has(name)] for name in devices}
    assert all(len(owners) == 1 for owners in (*eight.values(), *nine.values()))
    sizes = [sum(owners == [n] for owners in eight.values()) for n in range(1, 9)]
    assert max(sizes) < 1.4 * 100
    moved = [name for name in devices if eight[name] != nine[name]]
    assert all(nine[name] == [9] for name in moved), "only to the new one"
    assert len(moved) < 1.4 * 800 / 9


@pytest.mark.parametrize("text", ["0/8", "9/8", "2", "a/b", "2/8/1", "-1/8"])
def test_a_shard_is_written_as_number_of_count(text: str) -> None:
    assert Shard.parse("2/8") == Shard(2, 8)
    with pytest.raises(UsageError):
        Shard.parse(text)
