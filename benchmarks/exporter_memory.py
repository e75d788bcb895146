"""Memory of the exporter's process: `python benchmarks/exporter_memory.py [DEVICES] [--check]`.

The same process that `ops exporter serve` runs, with a made-up inventory of DEVICES offices (1,000) whose routers are
agents of the farm (`poll_farm.py`), after five scrapes of /probe-all with gzip in which all devices answered. Prints MB
as the kernel counts them: resident, and what of it is the process's own and what is files of libraries. `--check`: exit
code 1 above the limit for 1,000 devices.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).parent))

import poll_farm

LIMIT_MB, SCRAPES, ENOUGH = 80.0, 5, 300.0  # the limit at 1,000 devices; seconds until all are found
ROOM = 4  # addresses of an office's network: the farm's agents are as many
UP = re.compile(rb"^opd_poll_up\{.*\} 1$", re.MULTILINE)


def main(devices: int, *, check: bool) -> int:
    from offices import write  # noqa: PLC0415
    from poll import farm  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder, farm(ROOM * devices):
        inventory = write(Path(folder, "inventory"), devices)
        inhabit(inventory, devices)
        argv = [sys.executable, __file__, "--serve", str(inventory), str(Path(folder, "state"))]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as started:
            try:
                assert started.stdout
                port = int(started.stdout.readline())
                found = scraped(port, devices)
                found |= memory(started.pid)
            finally:
                started.terminate()
    sys.stdout.write(json.dumps({"devices": devices} | found, indent=2) + "\n")
    return int(check and float(found["resident_mb"]) > LIMIT_MB)


def inhabit(inventory: Path, devices: int) -> None:
    """Give the offices' routers the addresses of the farm's agents."""
    region = inventory / "region.yml"
    region.write_text(region.read_text().replace("offices: 10.64.0.0/10", "offices: 127.64.0.0/10"))
    for n in range(devices):
        office, address = inventory / f"opd/kantor-{n + 1:04d}.yml", poll_farm.FIRST + ROOM * n
        said = re.sub(r"^    address: 10\.6.*$", f"    address: {address}", office.read_text(), flags=re.MULTILINE)
        office.write_text(re.sub(r"^    lan: .*$", f"    lan: {address - 1}/30", said, flags=re.MULTILINE))


def scraped(port: int, devices: int) -> dict[str, float]:
    """Scrapes until all answer, then five more, as far apart as needed for each to be a cycle of its own."""
    end = time.monotonic() + ENOUGH
    while (up := len(UP.findall(text(port)))) < devices:
        if time.monotonic() > end:
            sys.exit(f"only {up} of {devices} devices answer")
    for _ in range(SCRAPES):
        time.sleep(3)
        body = text(port)
    return {"up": len(UP.findall(body)), "text_mb": round(len(body) / 1e6, 2)}


def text(port: int) -> bytes:
    asked = Request(f"http://127.0.0.1:{port}/probe-all", headers={"Accept-Encoding": "gzip"})
    with urlopen(asked, timeout=60) as answer:
        return gzip.decompress(answer.read())


def memory(pid: int) -> dict[str, float]:
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    names = {"resident_mb": "VmRSS", "own_mb": "RssAnon", "files_mb": "RssFile", "peak_mb": "VmHWM"}
    return {name: round(int(rows[row].split()[0]) * 1024 / 1e6, 1) for name, row in names.items()}


def serve(inventory: Path, state: Path) -> None:
    """What `ops exporter serve` does, but for the agents' port; says on stdout where it listens."""
    import logging  # noqa: PLC0415

    import uvicorn  # noqa: PLC0415

    from exporters.service import Service, application  # noqa: PLC0415
    from ops.cli.exporter import beside  # noqa: PLC0415
    from ops.system.heap import stay_small  # noqa: PLC0415
    from ops.system.open_files import raise_open_files  # noqa: PLC0415
    from ops.system.sockets import listen_tcp  # noqa: PLC0415
    from ops.world import World  # noqa: PLC0415

    logging.basicConfig(level=logging.ERROR)
    raise_open_files()
    stay_small()
    world = World("ukur", inventory, state, state / "key", state / "known_hosts")
    world.secrets.put("snmp/community", "public")
    service = Service(world, snmp_port=poll_farm.PORT, more=beside)
    listening = listen_tcp("127.0.0.1", 0)
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(application(service), log_level="warning", access_log=False, server_header=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if "--serve" in sys.argv:
        serve(Path(words[0]), Path(words[1]))
    else:
        sys.exit(main(int(words[0]) if words else 1000, check="--check" in sys.argv))
