"""The wall with 1,000 generated sites: bytes and time from cold, change at the exporter → stream, 300 walls at once.

  .venv/bin/python benchmarks/web_wall.py [--sites 1000] [--clients 300] [--seconds 40]

A made-up exporter runs in this process, the real command centre in a child whose memory and processor time are read
from /proc. What is printed is measured; docs/wall.md says on what machine.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from offices import write as write_offices  # noqa: E402
from overview_rig import Wrong  # noqa: E402
from wall_station import Station, station, world_of  # noqa: E402

from ops.inventory.load import load  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
CHANGES = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--serve", nargs=3, metavar=("INVENTORY", "STATE", "EXPORTER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        _serve(*args.serve)
        return
    with tempfile.TemporaryDirectory() as folder:
        inventory = write_offices(Path(folder) / "ukur", args.sites)
        with station(inventory, load(inventory)) as made:
            _measure(made, inventory, Path(folder), args)


def _serve(inventory: str, state: str, exporter: str) -> None:
    """The command centre alone; prints its port and a device's token."""
    import uvicorn  # noqa: PLC0415

    from ops.web.accounts import devices  # noqa: PLC0415
    from ops.web.app import application  # noqa: PLC0415

    world = world_of(Station(load(Path(inventory)), port=int(exporter)), Path(inventory), Path(state))
    app = application(world)
    token = devices.add(app.state.shared.desk.database, "layar", "benchmark")
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listening.getsockname()[1], token, flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listening])


def _measure(made: Station, inventory: Path, folder: Path, args: argparse.Namespace) -> None:
    argv = [sys.executable, __file__, "--serve", str(inventory), str(folder), str(made.port)]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert child.stdout
        port, token = child.stdout.readline().split()
        centre = Centre(int(port), f"ops-device={token}; ops-lang=id", child.pid)
        print(f"sites {args.sites}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        _cold(centre)
        _changes(made, centre)
        asyncio.run(_crowd(centre, args.clients, args.seconds))
    finally:
        child.terminate()
        child.wait(30)


class Centre:
    def __init__(self, port: int, cookie: str, pid: int) -> None:
        self.port, self.cookie, self.pid = port, cookie, pid

    def get(self, path: str) -> tuple[bytes, int, float]:
        """Body, bytes over the wire (gzip), seconds."""
        began = time.perf_counter()
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        client.request("GET", path, headers={"Cookie": self.cookie, "Accept-Encoding": "gzip"})
        answer = client.getresponse()
        body = answer.read()
        client.close()
        packed = answer.headers.get("content-encoding") == "gzip"
        wire = len(body) + len(str(answer.headers))
        return gzip.decompress(body) if packed else body, wire, time.perf_counter() - began

    def used(self) -> tuple[float, float]:
        """Memory in MB, processor seconds since the start."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return resident, (int(fields[11]) + int(fields[12])) / TICKS


def _cold(centre: Centre) -> None:
    """The first page after the start waits for the first answer of the routers; a browser with nothing kept."""
    for name in ("first after the start", "browser from cold"):
        body, wire, seconds = centre.get("/wall")
        files = re.findall(rb'(?:href|src)="(/static/[^"]+)"', body)
        for file in dict.fromkeys(files):
            _, more, longer = centre.get(file.decode())
            wire, seconds = wire + more, seconds + longer
        print(f"{name}: {wire / 1000:.1f} kB over the wire with {len(set(files))} files, {seconds:.2f} s")


def _events(centre: Centre) -> Iterator[tuple[str, str]]:
    client = http.client.HTTPConnection("127.0.0.1", centre.port, timeout=60)
    client.request("GET", "/wall/live", headers={"Cookie": centre.cookie})
    name = ""
    answer = client.getresponse()
    while line := answer.readline().decode():
        field, _, value = line.rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, value


def _changes(made: Station, centre: Centre) -> None:
    """From an office going dark at the exporter until the stream says so."""
    events, took = _events(centre), []
    offices = [opd.code for opd in made.region.opds if opd.links]
    for number in range(CHANGES):
        time.sleep(0.37 * (number % 5))  # at any moment between two looks
        code = offices[number * 7 % len(offices)]
        began = time.monotonic()
        made.wrong = Wrong(dark={code})
        for _, data in events:
            if code.upper() in data and "tanpa koneksi" in data:
                took.append(time.monotonic() - began)
                break
    print(f"change → stream: median {sorted(took)[len(took) // 2]:.2f} s, p95 {quantiles(took, n=20)[-1]:.2f} s"
          f" of {len(took)}")  # fmt: skip


async def _crowd(centre: Centre, clients: int, seconds: float) -> None:
    """What so many walls cost beside one."""
    one = await _join(centre)
    await asyncio.sleep(3)
    memory, before = centre.used()
    await asyncio.sleep(seconds)
    alone = (centre.used()[1] - before) / seconds
    others = [await _join(centre) for _ in range(clients - 1)]
    await asyncio.sleep(5)
    after, began = centre.used()[1], time.monotonic()
    await asyncio.sleep(seconds)
    crowded_memory, then = centre.used()
    crowded = (then - after) / (time.monotonic() - began)
    heard = sum(task.heard > 0 for task in (one, *others))
    print(f"1 wall: {memory:.0f} MB, {alone:.1%} of a core")
    print(f"{clients} walls ({heard} hear it): +{crowded_memory - memory:.1f} MB, {crowded:.1%} of a core, "
          f"{crowded - alone:+.1%} more")  # fmt: skip
    for task in (one, *others):
        task.end()


class Listener:
    """Reads a stream and counts its bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard, self._writer = 0, writer
        self._task = asyncio.create_task(self._listen(reader))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            self.heard += len(data)

    def end(self) -> None:
        self._task.cancel()
        self._writer.close()


async def _join(centre: Centre) -> Listener:
    reader, writer = await asyncio.open_connection("127.0.0.1", centre.port)
    writer.write(f"GET /wall/live HTTP/1.1\r\nHost: ops\r\nCookie: {centre.cookie}\r\n\r\n".encode())
    await writer.drain()
    return Listener(reader, writer)


if __name__ == "__main__":
    main()
