"""What polling costs: `python benchmarks/poll.py [DEVICES] [CYCLES]`.

Agents of the twin answer on 127.0.0.0/8 from a process of their own; this process polls them as the exporter does.
Prints, per device and cycle: CPU of the poller, packets, and for comparison a walk of the same columns (one run, so the
ratio does not depend on the machine).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address

from ops.catalogue.device import device
from ops.system.snmp import SnmpDevice, SnmpLogin
from ops.system.sockets import listen_udp
from ops.twin.agent_mib import IF_TABLE, IFX_TABLE, Port, Snapshot, view
from ops.twin.agent_snmp import Agent

FIRST, PORT, PORTS, AT_ONCE = IPv4Address("127.90.0.1"), 16_161, 48, 64
COLUMNS = [(*IFX_TABLE, column) for column in (1, 6, 10, 15)] + [(*IF_TABLE, column) for column in (8, 13, 14, 19, 20)]
Ask = Callable[[SnmpDevice], Awaitable[int]]
OPTICS = device("mikrotik_routeros").optical


def main(devices: int, cycles: int) -> None:
    ready, tell = os.pipe()
    agents = subprocess.Popen([sys.executable, __file__, "--agents", str(devices), str(tell)], pass_fds=[tell])
    os.close(tell)
    os.read(ready, 1)
    try:
        asyncio.run(measure(devices, cycles))
    finally:
        agents.send_signal(signal.SIGTERM)
        agents.wait(10)


async def measure(devices: int, cycles: int) -> None:
    polled = [SnmpDevice(f"d{n}", str(FIRST + n), SnmpLogin("public"), PORT) for n in range(devices)]
    names = [".".join(map(str, (*column, port))) for column in COLUMNS for port in (1, 2)]
    names += [f"{column.oid}.1" for column in (OPTICS.tables[0].columns.values() if OPTICS else ())]
    roots = [".".join(map(str, column)) for column in COLUMNS]

    async def get(one: SnmpDevice) -> int:
        return len(await one.get(names))

    async def walk(one: SnmpDevice) -> int:
        return sum([len((await one.walk(root)).rows) for root in roots])

    await every(polled, get)  # sessions are opened
    packets = sum(one.tally.packets for one in polled)
    cpu, wall = await timed(polled, get, cycles)
    sent = sum(one.tally.packets for one in polled) - packets
    some = polled[: max(1, devices // 20)]
    walk_cpu, _ = await timed(some, walk, 1)
    got = {
        "devices": devices,
        "values_per_device": len(names),
        "packets_per_device": sent / devices / cycles,
        "poll_cpu_ms_per_device": round(cpu * 1000 / devices / cycles, 3),
        "cycle_wall_seconds": round(wall / cycles, 3),
        "walk_cpu_ms_per_device": round(walk_cpu * 1000 / len(some), 3),
        "walk_to_poll_cpu_ratio": round((walk_cpu / len(some)) / (cpu / devices / cycles), 1),
        "retries": sum(one.tally.retries for one in polled),
    }
    sys.stdout.write(json.dumps(got, indent=2) + "\n")


async def every(devices: Sequence[SnmpDevice], ask: Ask) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(device_: SnmpDevice) -> None:
        async with gate:
            await ask(device_)

    await asyncio.gather(*(one(device_) for device_ in devices))


async def timed(devices: Sequence[SnmpDevice], ask: Ask, cycles: int) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.monotonic()
    for _ in range(cycles):
        await every(devices, ask)
    return time.process_time() - cpu, time.monotonic() - wall


def agents(devices: int, tell: int) -> None:
    """Answer for every device from a socket of its own, so that replies come from the address that was asked."""
    import selectors  # noqa: PLC0415

    ports = tuple(Port(f"sfp{n}", f"p{n}", n, 10**9, fibre=n == 1) for n in range(1, PORTS + 1))
    agent = Agent(b"public", view("d", device("mikrotik_routeros"), ports))
    seen = Snapshot(1, 0, {}, {}, {})
    with selectors.DefaultSelector() as selector:
        for n in range(devices):
            selector.register(listen_udp(str(FIRST + n), PORT), selectors.EVENT_READ)
        os.write(tell, b"r")
        while True:
            for key, _ in selector.select():
                raw, sender = key.fileobj.recvfrom(65_535)  # type: ignore[union-attr]
                key.fileobj.sendto(agent.answer(raw, seen) or b"", sender)  # type: ignore[union-attr]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--agents"]:
        agents(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main(*(int(word) for word in sys.argv[1:3] or ("300", "5")))
