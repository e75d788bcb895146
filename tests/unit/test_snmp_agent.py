"""The twin's SNMP agent: questions and answers as bytes."""

from __future__ import annotations

import pytest

from ops.catalogue.device import device
from ops.catalogue.optical import Optic
from ops.system.ber import Message, Pdu, Tag, Value, decode, encode, oid
from ops.system.sockets import Counters
from ops.twin.agent_mib import ENTITY_BASE, ENTITY_NAME, IF_TABLE, IFX_TABLE, Port, Snapshot, view
from ops.twin.agent_snmp import MAX_REPLY, Agent, question

FIBRE = Port("sfp1", "sfp1", 2, 1_000_000_000, "dinkes.wan to pop", fibre=True)
LIGHT: dict[Optic, float | None] = {"receive_power_dbm": -8.4, "transmit_power_dbm": -5.0, "rx_loss": 0.0}
SEEN = Snapshot(123_456, 0, {"sfp1": Counters(in_octets=2**40, out_octets=7)}, {"sfp1": True}, {"sfp1": LIGHT})
ROWS = view("dinkes-rtr1", device("mikrotik_routeros"), (FIBRE,))
AGENT = Agent(b"public", ROWS)


def ask(pdu: Pdu, *names: str, repetitions: int = 0, community: bytes = b"public") -> Message:
    raw = AGENT.answer(question(pdu, community, [oid(name) for name in names], repetitions=repetitions), SEEN)
    assert raw is not None
    return decode(raw)


def test_a_get_brings_values_of_one_moment_and_says_what_is_missing() -> None:
    answer = ask(Pdu.GET, "1.3.6.1.2.1.31.1.1.1.6.2", "1.3.6.1.2.1.2.2.1.10.2", "1.3.6.1.2.1.2.2.1.8.2", "1.3.9.9")
    assert [value for _, value in answer.varbinds] == [
        Value(Tag.COUNTER64, 2**40),
        Value(Tag.COUNTER32, 2**40 % 2**32),
        Value(Tag.INTEGER, 1),
        Value(Tag.NO_SUCH_INSTANCE),
    ]


def test_walking_with_getnext_visits_everything_once_in_order() -> None:
    visited, at = [], oid("1.3")
    while True:
        at, value = ask(Pdu.GET_NEXT, ".".join(map(str, at))).varbinds[0]
        if value.tag is Tag.END_OF_MIB_VIEW:
            break
        visited.append(at)
    assert visited == sorted(ROWS)


def test_getbulk_fills_a_frame_and_no_more() -> None:
    ports = tuple(Port(f"ether{n}", f"ether{n}", n, 10**9) for n in range(1, 25))
    rows = view("switch", device("mikrotik_routeros"), ports)
    raw = Agent(b"public", rows).answer(question(Pdu.GET_BULK, b"public", [oid("1.3")], repetitions=1000), SEEN)
    assert raw is not None
    assert MAX_REPLY - 60 < len(raw) <= MAX_REPLY
    assert [name for name, _ in decode(raw).varbinds] == sorted(rows)[: len(decode(raw).varbinds)]


def test_getbulk_past_the_end_says_so() -> None:
    answer = ask(Pdu.GET_BULK, "1.4", repetitions=10)
    assert [value.tag for _, value in answer.varbinds] == [Tag.END_OF_MIB_VIEW]


@pytest.mark.parametrize("raw", [b"", b"\x30\x02\x02", question(Pdu.GET, b"wrong", [oid("1.3.6")]), b"\xff" * 40])
def test_garbage_and_a_wrong_community_meet_silence(raw: bytes) -> None:
    assert AGENT.answer(raw, SEEN) is None


def test_an_answer_is_not_answered() -> None:
    assert AGENT.answer(encode(Message(b"public", Pdu.RESPONSE, 1, 0, 0, ())), SEEN) is None


def test_too_many_values_are_too_big() -> None:
    answer = ask(Pdu.GET, *["1.3.6.1.2.1.1.1.0"] * 200)
    assert (answer.status, answer.varbinds) == (1, ())


def test_huawei_light_hangs_on_the_entity_that_bears_the_ports_name() -> None:
    profile = device("huawei_vrp")
    assert profile.optical
    rows = view("r", profile, (FIBRE,))
    assert rows[*ENTITY_NAME, ENTITY_BASE + 2](SEEN) == Value(Tag.OCTETS, b"sfp1")
    received = oid(profile.optical.tables[0].columns["receive_power_dbm"].oid)
    assert rows[*received, ENTITY_BASE + 2](SEEN) == Value(Tag.INTEGER, -840)


def test_the_table_has_the_declared_names() -> None:
    assert ROWS[*IFX_TABLE, 1, 2](SEEN).data == b"sfp1"
    assert ROWS[*IF_TABLE, 8, 2](Snapshot(1, 0, {}, {}, {})) == Value(Tag.INTEGER, 2)  # no carrier: down
