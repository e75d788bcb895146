"""Recordings replayed by an SNMP agent on a real UDP socket, so that discovery can be tried as it is live."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from ops.system.ber import Value
from ops.system.snmp import SnmpDevice, SnmpLogin
from ops.system.snmprec import Recording
from ops.system.sockets import listen_udp
from ops.twin.agent_mib import Snapshot
from ops.twin.agent_snmp import Agent

COMMUNITY = "replayed"
_NOW = Snapshot(0, 0, {}, {}, {})
_END = b"end"


def _same(value: Value, _seen: Snapshot) -> Value:
    return value


@contextmanager
def replaying(recording: Recording, address: str = "127.0.0.1") -> Iterator[int]:
    """The UDP port at this address where the recorded device answers (v2c, COMMUNITY)."""
    agent = Agent(COMMUNITY.encode(), {name: partial(_same, value) for name, value in recording.rows.items()})
    with closing(listen_udp(address, 0)) as opened:
        opened.setblocking(True)

        def serve() -> None:
            while (packet := opened.recvfrom(65_535))[0] != _END:
                answer = agent.answer(packet[0], _NOW)
                if answer:
                    opened.sendto(answer, packet[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield opened.getsockname()[1]
        finally:
            opened.sendto(_END, opened.getsockname())
            thread.join()


def device(port: int) -> SnmpDevice:
    """The exporter's own door to it."""
    return SnmpDevice("replayed", "127.0.0.1", SnmpLogin(COMMUNITY), port)
