"""Nine ways in which agents misbehave: each costs a bounded number of packets and never another device's values."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace

import pytest
from snmp_rig import Box, Farm, farm, reply, values

from exporters import device as polling
from exporters.cycle import Cycle
from exporters.device import Polled
from ops.system import snmp_patience
from ops.system.ber import Message, Pdu, Tag, Value, decode, encode
from ops.system.snmp import Login, SnmpLogin, SnmpUser
from ops.system.sockets import listen_udp

BYTES = "opd_interface_receive_bytes_total"
OTHERS = ("d1-rtr1", "d2-rtr1")
USER = SnmpUser("pemantau", "auth-canary-11", "sha256", "aes128", "priv-canary-22")
both = pytest.mark.parametrize("login", [SnmpLogin("public"), USER], ids=["v2c", "v3"])


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_patience, "PATIENCE", (0.15, 0.3, 0.5))


def cycles(bad: Box, login: Login | None = None, *, many: int = 2) -> tuple[list[str], list[int]]:
    """The text of each cycle over the bad device and two good ones, and how many packets each sent to the bad one."""
    texts, packets = [], []
    bad.guarded = isinstance(login, SnmpUser)

    async def run(made: Farm) -> None:
        devices: list[Polled] = [made.polled(0, login), made.polled(1), made.polled(2)]
        cycle = Cycle(devices)
        for _ in range(many):
            before = made.packets[0]
            texts.append(await cycle.run())
            await cycle.settled()
            packets.append(made.packets[0] - before)
        await cycle.close()

    with farm([bad, Box(), Box()]) as made:
        asyncio.run(run(made))
    for text in texts:
        assert all((name, f"sfp{n}") in values(text, BYTES) for name in OTHERS for n in (1, 2)), "others are held up"
    return texts, packets


def up(text: str) -> bool:
    return values(text, "opd_poll_up")["d0-rtr1", ""] == 1


@both
def test_rows_that_repeat_for_ever_end_the_walk_and_are_told(login: Login) -> None:
    def circle(asked: Message, good: bytes) -> list[bytes]:
        said = decode(good)
        if asked.pdu is Pdu.GET:
            return [good]
        rows = [pair for pair in said.varbinds if pair[0][: len(asked.varbinds[0][0])] == asked.varbinds[0][0]]
        return [encode(replace(said, varbinds=said.varbinds if not rows else (*rows, *rows, *rows)))]

    texts, packets = cycles(Box(behave=circle), login)
    assert up(texts[-1])
    assert values(texts[-1], "opd_poll_walk_broken")["d0-rtr1", ""] == 1
    assert values(texts[-1], BYTES)["d0-rtr1", "sfp1"] == 10**9 + 1
    assert packets[0] < 40
    assert packets[1] == 1


@both
def test_an_agent_that_returns_the_asked_name_is_stopped(login: Login) -> None:
    def parrot(asked: Message, good: bytes) -> list[bytes]:
        return [good if asked.pdu is Pdu.GET else reply(asked, [(asked.varbinds[0][0], Value(Tag.INTEGER, 1))])]

    texts, packets = cycles(Box(behave=parrot), login)
    assert up(texts[-1])
    assert values(texts[-1], "opd_poll_walk_broken")["d0-rtr1", ""] == 1
    assert max(packets) < 40


@both
def test_too_big_is_asked_in_parts_that_fit_and_remembered(login: Login) -> None:
    def narrow(asked: Message, good: bytes) -> list[bytes]:
        return [good] if len(asked.varbinds) <= 10 else [reply(asked, [], status=1)]

    texts, packets = cycles(Box(behave=narrow), login, many=3)
    assert values(texts[-1], BYTES)["d0-rtr1", "sfp2"] == 10**9 + 2
    assert packets[0] < 60
    assert packets[2] <= 8


@pytest.mark.parametrize("cut", [60, 500])
def test_a_reply_that_is_cut_off_is_asked_in_parts(cut: int) -> None:
    texts, packets = cycles(Box(behave=lambda _, good: [good if len(good) < 800 else good[:cut]]), many=3)
    assert values(texts[-1], BYTES)["d0-rtr1", "sfp2"] == 10**9 + 2
    assert packets[0] < 60
    assert packets[2] <= 8


@both
def test_an_empty_list_of_values_is_no_answer_and_ends_soon(login: Login) -> None:
    texts, packets = cycles(Box(behave=lambda asked, _: [reply(asked, [])]), login)
    assert not up(texts[-1])
    assert BYTES in texts[-1]
    assert ("d0-rtr1", "sfp1") not in values(texts[-1], BYTES)
    assert max(packets) < 16


@both
def test_an_agent_that_comes_to_answer_with_nothing_gives_nothing(login: Login) -> None:
    """It was good when its ports were found: the fast way is taken, and what it brings is never made up."""
    empty: list[bool] = []
    box = Box(behave=lambda asked, good: [reply(asked, []) if empty else good], guarded=login is USER)

    async def run(made: Farm) -> tuple[str, str]:
        cycle = Cycle([made.polled(0, login)])
        await cycle.run()
        first = await cycle.run()
        empty.append(True)
        before = made.packets[0]
        second = await cycle.run()
        assert made.packets[0] - before < 16
        await cycle.close()
        return first, second

    with farm([box]) as made:
        first, second = asyncio.run(run(made))
    assert up(first)
    assert ("d0-rtr1", "sfp1") not in values(second, BYTES)


@both
def test_a_reply_far_beyond_a_frame_is_taken_and_asked_smaller_the_next_time(login: Login) -> None:
    long = Value(Tag.OCTETS, b"x" * 400)

    def wide(asked: Message, good: bytes) -> list[bytes]:
        if asked.pdu is not Pdu.GET:
            return [good]
        said = decode(good)
        return [encode(replace(said, varbinds=tuple((n, v if v.data is not None else long) for n, v in said.varbinds)))]

    texts, packets = cycles(Box(narrow=True, behave=wide), login, many=3)
    assert values(texts[-1], "opd_interface_up")["d0-rtr1", "sfp2"] == 1
    assert packets[0] < 40
    assert packets[2] <= 8


@both
def test_copies_of_a_reply_change_nothing(login: Login) -> None:
    texts, packets = cycles(Box(behave=lambda _, good: [good, good, good]), login, many=3)
    assert values(texts[-1], BYTES)["d0-rtr1", "sfp1"] == 10**9 + 1
    assert packets[1:] == [1, 1]


@pytest.mark.parametrize("anywhere", [False, True])
def test_a_reply_from_another_port_counts_only_where_that_is_declared(anywhere: bool) -> None:
    with closing(listen_udp("127.80.9.9", 0)) as stranger:
        texts, packets = cycles(Box(stranger=stranger), SnmpLogin("public", anywhere=anywhere))
    assert up(texts[-1]) is anywhere
    assert packets[1] == (1 if anywhere else 3)


@both
def test_a_counter_without_its_leading_zero_is_unsigned(login: Login) -> None:
    def bare(_: Message, good: bytes) -> list[bytes]:
        """The same bytes as an address: four octets, no sign; then its type is made that of a counter."""
        said = decode(good)
        rows = tuple(
            (name, Value(Tag.IP_ADDRESS, v.data.to_bytes(4, "big")) if v.tag is Tag.COUNTER32 and _large(v) else v)
            for name, v in said.varbinds
        )
        return [encode(replace(said, varbinds=rows)).replace(b"\x40\x04", b"\x41\x04")]

    def _large(value: Value) -> bool:
        return isinstance(value.data, int) and value.data >= 2**31

    texts, packets = cycles(Box(narrow=True, octets=4_000_000_000, behave=bare), login, many=3)
    assert values(texts[-1], BYTES)["d0-rtr1", "sfp1"] == 4_000_000_001
    assert packets[2] == 1


def test_silent_devices_are_asked_a_few_times_and_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    silent: list[bool] = []
    boxes = [Box(behave=lambda _, good: [] if silent else [good]), Box()]

    async def run(made: Farm) -> list[bool]:
        cycle = Cycle([made.polled(0), made.polled(1)])
        await cycle.run()
        silent.append(True)
        before, seen = made.packets[0], []
        for _ in range(3):
            text = await cycle.run()
            assert values(text, BYTES)["d1-rtr1", "sfp1"] == 10**9 + 1
            seen.append(up(text))
            assert len(cycle._asked) == (1 if len(seen) > 1 else 0), "only the first silence is waited for"
            await cycle.settled()
        assert made.packets[0] - before == 4 + 3 + 3
        silent.clear()
        await cycle.settled()
        await cycle.run()
        await cycle.settled()
        seen.append(up(await cycle.run()))
        await cycle.close()
        return seen

    with farm(boxes) as made:
        assert asyncio.run(run(made)) == [False, False, False, True]


def test_garbage_and_answers_to_other_questions_are_dropped() -> None:
    def noisy(asked: Message, good: bytes) -> list[bytes]:
        other = encode(replace(decode(good), request=asked.request ^ 1))
        return [b"", b"\x30\x82\xff\xff", other, good[:20], other[:-1], good]

    texts, packets = cycles(Box(behave=noisy), many=3)
    assert values(texts[-1], BYTES)["d0-rtr1", "sfp2"] == 10**9 + 2
    assert packets[1:] == [1, 1]


@both
def test_a_name_that_spoils_the_question_is_left_out(login: Login) -> None:
    """genErr for one broken column, which some agents answer for a module that is being read."""
    bad = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 19, 1, 1, 6, 1)

    def spoilt(asked: Message, good: bytes) -> list[bytes]:
        names = [name for name, _ in asked.varbinds]
        return [reply(asked, list(asked.varbinds), 5, names.index(bad) + 1) if bad in names else good]

    texts, packets = cycles(Box(behave=spoilt), login, many=3)
    assert values(texts[-1], BYTES)["d0-rtr1", "sfp1"] == 10**9 + 1
    assert ("d0-rtr1", "sfp1") not in values(texts[-1], "opd_optical_temperature_celsius")
    assert values(texts[-1], "opd_optical_temperature_celsius")["d0-rtr1", "sfp2"] == 41
    assert packets[2] <= 3


def test_every_agent_answers_the_same_to_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """/probe asks a device by itself; the text is that of the cycle but for what the polling itself cost."""
    monkeypatch.setattr(polling, "FRESH_SECONDS", 0.0)

    async def run(made: Farm) -> tuple[str, str]:
        device, cycle = made.polled(0), Cycle([made.polled(1)])
        for _ in range(2):
            alone = (await device.poll())[1]
            together = await cycle.run()
        return alone, together.replace("d1-rtr1", "d0-rtr1")

    with farm([Box(), Box()]) as made:
        alone, together = asyncio.run(run(made))
    assert _steady(alone) == _steady(together)


def _steady(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("opd_poll_")]
