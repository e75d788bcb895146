"""How much a way carries, measured by iperf3 (TCP). It fills the line: who calls it has counted the bytes before."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ops.errors import HostFailedError
from ops.system import netns
from ops.system.process import Ask, Local

PORT = 5201
_PATIENCE = 10.0  # seconds beyond the test for connecting and for the results
_NOT_YET = "Connection refused"
_AGAIN = 0.2  # seconds until the next try


@dataclass(frozen=True, slots=True)
class Carried:
    """Bits per second of payload that arrived, the bytes sent, and TCP segments sent again."""

    bits_per_second: float
    bytes: int
    retransmits: int

    @classmethod
    def parse(cls, answer: str, host: str) -> Carried:
        """iperf3's JSON. HostFailedError for its own complaint, or when it is none."""
        try:
            told: dict[str, Any] = json.loads(answer)
        except ValueError:
            raise HostFailedError(host, "iperf3 said nothing that can be read") from None
        if error := told.get("error"):
            raise HostFailedError(host, f"iperf3: {error}", "is `iperf3 --server` running there?")
        arrived, sent = told["end"]["sum_received"], told["end"]["sum_sent"]
        return cls(float(arrived["bits_per_second"]), int(sent["bytes"]), int(sent.get("retransmits") or 0))


@dataclass(frozen=True, slots=True)
class Test:
    """`most_bits`: per second, never more is sent. `back`: the server sends, we receive."""

    server: str
    most_bits: int
    seconds: int = 5
    back: bool = False
    port: int = PORT

    @property
    def most_bytes(self) -> int:
        """That it can cost at the very most: iperf3 may send a block more at the end."""
        return self.most_bits * (self.seconds + 1) // 8


def measure(test: Test, patience: float = 0.0) -> Carried:
    """Run the test from where the calling thread stands. HostFailedError when nothing comes of it.

    `patience`: seconds to wait for a server that has only just been started.
    """
    argv = ["iperf3", "--json", "--client", test.server, "--port", str(test.port), "--time", str(test.seconds)]
    argv += ["--bitrate", str(test.most_bits), *(["--reverse"] if test.back else [])]
    end = time.monotonic() + patience
    while True:
        done = Local().run(argv, Ask(timeout=test.seconds + _PATIENCE))
        if _NOT_YET not in done.out or time.monotonic() >= end:
            return Carried.parse(done.out, test.server)
        time.sleep(_AGAIN)


@contextmanager
def server(space: str, address: str, seconds: float, port: int = PORT) -> Iterator[None]:
    """In a twin: a server for one test in a network namespace, where at the regency a machine of the office has one."""

    def serve() -> None:
        netns.enter(space)
        argv = ["iperf3", "--server", "--one-off", "--bind", address, "--port", str(port)]
        Local().run(argv, Ask(timeout=seconds))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(seconds)
