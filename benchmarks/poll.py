"""What polling costs: `python benchmarks/poll.py [DEVICES [CYCLES [alone]]] [--check [--wall]]`, beside others.

A farm of fast agents answers on 127.64.0.0/10 from processes of its own (48 ports a device, two of them declared, with
optics). Prints CPU of the poller per device and cycle, exposition included, packets, wall time and memory, and the same
for the real snmp_exporter (static `get` and a lean walk; $OPS_TOOLS or PATH has `prometheus-snmp-exporter`, Debian's
package of that name, 0.30 or newer), gufo_snmp alone, and net-snmp's snmpget. Ratios do not depend on the machine, as
long as nothing else runs on it. With `alone` only ours over v2c is measured, for 10,000 devices. `ways` is the echo of
one link of every device, which the service measures beside each cycle. `--check`: exit code 1 beyond the project's
limits of CPU, packets and ratios; `--wall`: of time on the clock too, which only a quiet machine can hold.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import re
import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import poll_farm
from limits import Limit, judged
from poll_peers import gufo, net_snmp, snmp_exporter

from exporters.cycle import Cycle
from exporters.device import Polled
from ops.errors import ToolMissingError
from ops.inventory.load import load
from ops.inventory.watched import Watched, watched
from ops.system.echo import echoes
from ops.system.snmp import Login, SnmpDevice, SnmpLogin, SnmpUser

REGION = load(Path(__file__).parents[1] / "inventories/batubara")
ONE = next(one for one in watched(REGION.opds) if one.router.name == "dinkes-rtr1")
DOWN = re.compile(r"^opd_poll_up\{.*\} 0$", re.MULTILINE)
GUARDED = SnmpUser("pemantau", "auth-canary-11", "sha256", "aes128", "priv-canary-22")


def main(devices: int, cycles: int, *, alone: bool = False) -> dict[str, object]:
    logging.disable()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    found: dict[str, object] = {"devices": devices}
    with farm(devices):
        found |= {"ours": asyncio.run(ours(devices, cycles)), "ways": asyncio.run(ways(devices))}
        if alone:
            return found
        found |= {"gufo_snmp alone": asyncio.run(gufo(devices, cycles, asked()))}
        found |= {"net-snmp snmpget": net_snmp(asked())}
        found |= snmp_exporter(min(devices, 200))
    with farm(devices, "20", "0.5"):
        found |= {"ours, agents take 20 ms + 0.5 ms a value": asyncio.run(ours(devices, cycles))}
    with farm(devices, "0", "0", "0.02"):
        found |= {"ours, 2 % of packets lost each way": asyncio.run(ours(devices, cycles))}
    with farm(devices, "v3"):
        found |= {"ours, SNMPv3 SHA-256 AES-128": asyncio.run(ours(devices, cycles, GUARDED))}
    return found | {"ratios": ratios(found)}


def limits(found: dict[str, Any], *, wall: bool) -> Iterator[Limit]:
    """What issue and design promise of what was measured."""
    runs = {name: got for name, got in found.items() if name.startswith("ours")}
    many = found["devices"]
    yield Limit("CPU ms a device and cycle, v2c", found["ours"]["cpu_ms_per_device"], 0.10)
    yield Limit("packets a device and cycle, v2c", found["ours"]["packets_per_device"], 1.05)  # one; some retries
    for name, got in runs.items():
        yield Limit(f"devices that failed, {name}", got["failed"], 0)
    if len(runs) > 1:
        guarded = runs["ours, SNMPv3 SHA-256 AES-128"]["cpu_ms_per_device"]
        yield Limit("CPU s a cycle of 1,000, SNMPv3", guarded, 0.25)  # ms a device are s a thousand
        for name, least in (("get", 10), ("walk", 100)):
            ratio = found["ratios"].get(f"snmp_exporter, {name}")
            yield Limit(f"times ours that snmp_exporter's {name} costs", ratio, least, least=True)
    if wall:
        for name, got in runs.items():
            if "lost" not in name:
                yield Limit(f"wall s a cycle, {name}", min(got["cycle_wall_seconds"]), 0.5 if many <= 1000 else 3)


def ratios(found: dict[str, object]) -> dict[str, float]:
    """CPU of the others against ours, one device and cycle."""
    mine = cpu(found["ours"])
    others = {name: cpu(got) for name, got in found.items() if not name.startswith(("ours", "ways"))}
    return {name: round(other / mine, 1) for name, other in others.items() if other}


def cpu(got: object) -> float:
    return float(got.get("cpu_ms_per_device", 0)) if isinstance(got, dict) else 0.0


async def ours(devices: int, cycles: int, login: Login | None = None) -> dict[str, object]:
    """The service's own cycle: packets, values, rendered text as bytes; gzip apart."""
    polled = [device(n, login or SnmpLogin("public")) for n in range(devices)]
    cycle = Cycle(polled)
    for _ in range(3):
        text = await cycle.run()  # ports are found, layouts learned
        await cycle.settled()
    before = packets(polled)
    gc.collect()
    walls, packed, failed, used = [], 0.0, 0, 0.0
    for _ in range(cycles):
        wall, start = time.monotonic(), time.process_time()
        text = await cycle.run()
        body = text.encode()
        done = time.process_time()
        walls.append(time.monotonic() - wall)
        used += done - start
        zlib.compress(body, 1)
        packed += time.process_time() - done
        failed += sum(1 for _ in DOWN.finditer(text))
    sent = packets(polled) - before
    await cycle.close()
    return {
        "cpu_ms_per_device": round(used * 1000 / devices / cycles, 4),
        "gzip_ms_per_device": round(packed * 1000 / devices / cycles, 4),
        "cycle_wall_seconds": [round(wall, 3) for wall in walls],
        "packets_per_device": round(sent / devices / cycles, 3),
        "failed": failed,
        "series": text.count("\n") - text.count("# "),
        "rss_mb": memory(),
    }


async def ways(devices: int) -> dict[str, object]:
    """Five echo requests for each device and the text of what they said."""
    polled = [device(n, SnmpLogin("public"), echoes=True) for n in range(devices)]
    addresses = [str(poll_farm.FIRST + n) for n in range(devices)]
    try:
        await echoes(addresses[:10])
    except ToolMissingError as error:
        return {"skipped": str(error)}
    for _ in range(2):
        start = time.process_time()
        for one, way in zip(polled, await echoes(addresses), strict=True):
            one.went([way] * len(one.ways))
        used = time.process_time() - start
    return {
        "cpu_ms_per_device": round(used * 1000 / devices, 4),
        "loss": sum(way.loss for way in await echoes(addresses)),
    }


def memory() -> float:
    return round(int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096 / 1e6, 1)


def device(n: int, login: Login, *, echoes: bool = False) -> Polled:
    address = poll_farm.FIRST + n
    router = ONE.router.model_copy(update={"name": f"d{n}-rtr1", "address": address})
    return Polled(
        SnmpDevice(router.name, str(address), login, poll_farm.PORT), links(router), REGION.plant, echoes=echoes
    )


def links(router: object) -> list[Watched]:
    change = [{"name": f"wan{port}", "ifname": f"sfp{port}"} for port in (1, 2)]
    return [replace(ONE, router=router, link=ONE.link.model_copy(update=one)) for one in change]  # type: ignore[arg-type]


def packets(polled: list[Polled]) -> int:
    return sum(one.tally.packets for one in polled)


def asked() -> list[str]:
    """What the others ask for: the same values of the two ports."""
    columns = [f"1.3.6.1.2.1.31.1.1.1.{n}" for n in (1, 6, 10, 15)] + [
        f"1.3.6.1.2.1.2.2.1.{n}" for n in (8, 13, 14, 19, 20)
    ]
    columns += [f"1.3.6.1.4.1.14988.1.1.19.1.1.{n}" for n in (3, 6, 7, 8, 9, 10)]
    return ["1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.5.0", *(f"{column}.{port}" for port in (1, 2) for column in columns)]


@contextmanager
def farm(devices: int, *words: str) -> Iterator[None]:
    argv = [sys.executable, str(Path(poll_farm.__file__)), str(devices), *words]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as started:
        try:
            assert started.stdout
            started.stdout.readline()
            yield
        finally:
            started.kill()


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    result = main(*(int(word) for word in words[:2] or ("1000", "5")), alone="alone" in words)
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    if "--check" in sys.argv:
        sys.exit(judged(limits(result, wall="--wall" in sys.argv)))
