"""What looking over a switch costs: `python benchmarks/discover.py [ROUNDS] [--check]`.

An agent on 127.0.0.1, in a process of its own, replays a switch of 48 ports with 4 optical ones. This process discovers
it as the exporter does (names and optics: what a poll asks for anyway is not walked) and as `ops discover` does (state,
speed and counters too). Prints CPU of this process in ms per discovery, packets, and what was found. `--check`: exit
code 1 when the exporter's takes more than 3 ms (the best of the rounds: what others do on the machine is not counted).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from limits import Limit, judged

from exporters.discovery import Discovered, discover
from ops.system.ber import Oid, Tag, Value, oid
from ops.system.snmp import SnmpDevice, SnmpLogin
from ops.system.sockets import listen_udp
from ops.twin.agent_mib import Snapshot
from ops.twin.agent_snmp import Agent

PORTS, OPTICAL, WARM = 48, 4, 3
WANTED = ("sfp-sfpplus1", "sfp-sfpplus2")  # what the inventory declares
IF_TABLE, IFX_TABLE = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
MIKROTIK = "1.3.6.1.4.1.14988.1.1.19.1.1"


def switch() -> dict[Oid, Value]:
    rows = {
        "1.3.6.1.2.1.1.1.0": Value(Tag.OCTETS, b"RouterOS CRS354-48G-4S+2Q+"),
        "1.3.6.1.2.1.1.2.0": Value(Tag.OID, oid("1.3.6.1.4.1.14988.1")),
        "1.3.6.1.2.1.1.3.0": Value(Tag.TIMETICKS, 1234),
        "1.3.6.1.2.1.1.5.0": Value(Tag.OCTETS, b"switch"),
        "1.3.6.1.2.1.31.1.5.0": Value(Tag.TIMETICKS, 0),
    }
    for port in range(1, PORTS + 1):
        name = Value(Tag.OCTETS, f"sfp-sfpplus{port}".encode())
        rows |= {f"{IF_TABLE}.2.{port}": name, f"{IFX_TABLE}.1.{port}": name}
        rows |= {f"{IF_TABLE}.{column}.{port}": Value(Tag.INTEGER, 1) for column in (3, 7, 8)}
        rows |= {f"{IF_TABLE}.{column}.{port}": Value(Tag.COUNTER32, 7) for column in (10, 13, 14, 16, 19, 20)}
        rows |= {f"{IFX_TABLE}.{column}.{port}": Value(Tag.COUNTER64, 2**40) for column in (6, 10)}
        rows[f"{IF_TABLE}.5.{port}"] = Value(Tag.GAUGE32, 10**9)
        rows[f"{IFX_TABLE}.15.{port}"] = Value(Tag.GAUGE32, 1000)
        rows[f"{IFX_TABLE}.18.{port}"] = Value(Tag.OCTETS, b"office")
    light = ((3, 0), (6, 38), (7, 3300), (8, 30), (9, -1500), (10, -12000))
    for port in range(1, OPTICAL + 1):
        rows |= {f"{MIKROTIK}.{column}.{port}": Value(Tag.INTEGER, figure) for column, figure in light}
    return {oid(name): value for name, value in rows.items()}


LIMIT_MS = 3.0


def main(rounds: int, *, check: bool) -> int:
    ready, tell = os.pipe()
    agent = subprocess.Popen(
        [sys.executable, __file__, "--agent", str(tell)], pass_fds=[tell], stdout=subprocess.DEVNULL
    )
    os.close(tell)
    port = int(os.read(ready, 16))
    try:
        exporter, found = measure(port, rounds, state=False)
        everything, _ = measure(port, rounds, state=True)
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(10)
    told = {"ports": len(found.ports), "sensors": len(found.sensors), "rounds": rounds}
    sys.stdout.write(json.dumps({**told, "exporter": exporter, "ops_discover": everything}, indent=2) + "\n")
    return judged([Limit("CPU ms of a discovery", exporter["cpu_ms_best"], LIMIT_MS)]) if check else 0


def measure(port: int, rounds: int, *, state: bool) -> tuple[dict[str, float], Discovered]:
    device = SnmpDevice("switch", "127.0.0.1", SnmpLogin("public"), port)

    async def go() -> tuple[dict[str, float], Discovered]:
        for _ in range(WARM):
            found = await discover(device, state=state, wanted=WANTED)
        packets, spent = device.tally.packets, []
        for _ in range(rounds):
            begun = time.process_time()
            found = await discover(device, state=state, wanted=WANTED)
            spent.append((time.process_time() - begun) * 1000)
        spent.sort()
        each = (device.tally.packets - packets) / rounds
        best = {"cpu_ms_median": round(spent[rounds // 2], 2), "cpu_ms_best": round(spent[0], 2)}
        return {**best, "packets": each}, found

    return asyncio.run(go())


def agent(tell: int) -> None:
    def same(value: Value, _seen: Snapshot) -> Value:
        return value

    answers = Agent(b"public", {name: partial(same, value) for name, value in switch().items()})
    opened = listen_udp("127.0.0.1", 0)
    opened.setblocking(True)
    os.write(tell, str(opened.getsockname()[1]).encode())
    seen = Snapshot(0, 0, {}, {}, {})
    while True:
        raw, sender = opened.recvfrom(65_535)
        opened.sendto(answers.answer(raw, seen) or b"", sender)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--agent"]:
        agent(int(sys.argv[2]))
    else:
        words = [word for word in sys.argv[1:] if not word.startswith("--")]
        sys.exit(main(int(words[0]) if words else 50, check="--check" in sys.argv))
