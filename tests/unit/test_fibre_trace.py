"""The way of packets over real sockets, as far as one machine has one; the twin's ring is in tests/system."""

from __future__ import annotations

from ops.system.trace import Trace, trace


def test_the_far_end_itself_answers_and_nobody_stands_between() -> None:
    assert trace(["127.0.0.1", "127.0.0.2", "127.0.0.1"]) == {
        "127.0.0.1": Trace((), reached=True),
        "127.0.0.2": Trace((), reached=True),
    }


def test_where_no_packet_may_go_there_is_no_way() -> None:
    assert trace(["255.255.255.255"], hops=2, wait=0.1) == {"255.255.255.255": Trace((), reached=False)}


def test_nobody_to_ask() -> None:
    assert trace([]) == {}
