"""The others that poll the same farm: gufo_snmp by itself, net-snmp's commands, the real snmp_exporter."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import poll_farm
from gufo.snmp.aio import SnmpSession

PORT, AT_ONCE = 19_116, 16
COLUMNS = ["1.3.6.1.2.1.31.1.1.1", "1.3.6.1.2.1.2.2.1"]
_CPU = re.compile(r"^process_cpu_seconds_total (\S+)", re.MULTILINE)


async def gufo(devices: int, cycles: int, asked: list[str]) -> dict[str, object]:
    """Values only, no exposition: one session per device, kept open, 64 at a time."""
    sessions = [
        SnmpSession(str(poll_farm.FIRST + n), poll_farm.PORT, "public", timeout=3, recv_buffer=65_536)
        for n in range(devices)
    ]
    gate = asyncio.Semaphore(64)

    async def one(session: SnmpSession) -> None:
        async with gate:
            await session.get_many(asked)

    await asyncio.gather(*(one(session) for session in sessions))
    start, wall = time.process_time(), time.monotonic()
    for _ in range(cycles):
        await asyncio.gather(*(one(session) for session in sessions))
    return {
        "cpu_ms_per_device": round((time.process_time() - start) * 1000 / devices / cycles, 4),
        "cycle_wall_seconds": round((time.monotonic() - wall) / cycles, 3),
    }


def net_snmp(asked: list[str], many: int = 30) -> dict[str, object]:
    """A process per device, as LibreNMS asks."""
    if not shutil.which("snmpget"):
        return {"skipped": "no snmpget: apt-get install snmp"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for n in range(many):
        place = f"{poll_farm.FIRST + n}:{poll_farm.PORT}"
        subprocess.run(["snmpget", "-v2c", "-cpublic", "-On", "-m", "", place, *asked], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_ms_per_device": round(used * 1000 / many, 2)}


def snmp_exporter(devices: int) -> dict[str, object]:
    """CPU as it tells of itself, over three scrapes of every device with each module."""
    tools = f"{os.environ.get('OPS_TOOLS', '')}:{os.environ['PATH']}"
    program = shutil.which("prometheus-snmp-exporter", path=tools) or shutil.which("snmp_exporter", path=tools)
    if not program:
        return {
            "snmp_exporter": {"skipped": "apt-get install -t sid prometheus-snmp-exporter, or put it into $OPS_TOOLS"}
        }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "snmp.yml")
        config.write_text(settings())
        argv = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{PORT}", "--log.level=error"]
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as started:
            try:
                return {f"snmp_exporter, {module}": scraped(module, devices) for module in ("get", "walk")}
            finally:
                started.terminate()


def scraped(module: str, devices: int, cycles: int = 3) -> dict[str, object]:
    def scrape(n: int) -> int:
        target = f"{poll_farm.FIRST + n}:{poll_farm.PORT}"
        with urlopen(f"http://127.0.0.1:{PORT}/snmp?target={target}&module={module}&auth=public", timeout=60) as answer:
            return answer.read().decode().count("\nif") if n == 0 else len(answer.read())

    series = patiently(lambda: scrape(0))
    start, wall = own_cpu(), time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(cycles):
            list(pool.map(scrape, range(devices)))
    return {
        "cpu_ms_per_device": round((own_cpu() - start) * 1000 / devices / cycles, 3),
        "cycle_wall_seconds": round((time.monotonic() - wall) / cycles, 3),
        "series_per_device": series,
    }


def own_cpu() -> float:
    with urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=10) as answer:
        found = _CPU.search(answer.read().decode())
    return float(found[1]) if found else 0.0


def patiently(ask: Callable[[], int]) -> int:
    end = time.monotonic() + 30
    while True:
        try:
            return ask()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def settings() -> str:
    """Values of ports 1 and 2 by GET, and 20 columns by a walk; one metric a column, no look-ups."""
    ports = {
        "ifName": (0, 1, "DisplayString"),
        "ifHCInOctets": (0, 6, "counter"),
        "ifHCOutOctets": (0, 10, "counter"),
        "ifHighSpeed": (0, 15, "gauge"),
        "ifOperStatus": (1, 8, "gauge"),
        "ifInDiscards": (1, 13, "counter"),
        "ifInErrors": (1, 14, "counter"),
        "ifOutDiscards": (1, 19, "counter"),
        "ifOutErrors": (1, 20, "counter"),
    }
    ports |= {"ifAlias": (0, 18, "DisplayString"), "ifDescr": (1, 2, "DisplayString"), "ifType": (1, 3, "gauge")}
    ports |= {"ifSpeed": (1, 5, "gauge"), "ifAdminStatus": (1, 7, "gauge")}
    rows = {name: (f"{COLUMNS[table]}.{column}", kind) for name, (table, column, kind) in ports.items()}
    rows |= {f"ifOptical{n}": (f"1.3.6.1.4.1.14988.1.1.19.1.1.{n}", "gauge") for n in (3, 6, 7, 8, 9, 10)}
    told = "".join(
        f"      - {{name: {name}, oid: {oid}, type: {kind}, help: x, indexes: [{{labelname: ifIndex, type: gauge}}]}}\n"
        for name, (oid, kind) in rows.items()
    )
    walked = {"ifAlias", "ifDescr", "ifType", "ifSpeed", "ifAdminStatus"}  # ours asks for them when it looks for ports
    got = [oid for name, (oid, _) in rows.items() if name not in walked]
    get = "".join(f"      - {oid}.{port}\n" for oid in got for port in (1, 2))
    walk = "".join(f"      - {oid}\n" for oid, _ in rows.values())
    return (
        f"auths:\n  public: {{community: public, version: 2}}\nmodules:\n  get:\n    get:\n{get}    metrics:\n{told}"
        f"  walk:\n    max_repetitions: 25\n    walk:\n{walk}    metrics:\n{told}"
    )
