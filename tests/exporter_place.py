"""Three offices in 127.0.0.0/8 for exporters under test: a MikroTik, a Huawei, and one that is off."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from exporters.service import Service, application
from ops.system.sockets import listen_tcp
from ops.world import World

ROOT = Path(__file__).parents[1]
OFFICES = ("dinkes", "rsud", "disdik")  # MikroTik, Huawei, and one that is off
WAY = {"level_db": -20.0, "jitter_ms": 1.5, "lost": 0}
CALL = {
    "from_opd": "dinkes",
    "to_opd": "rsud",
    "ok": True,
    "at": time.time(),  # an old one is no longer told but for its age
    "setup_ms": 90,
    "mos": 4.3,
    "there": WAY,
    "back": WAY,
}


def place(folder: Path, shift: int = 0) -> World:
    """An inventory of three offices, all of it in 127.0.0.0/8, and the note of a twin that has two of the routers.

    10.40.0.0/15 becomes 127.40.0.0/15, or as much higher as `shift` says: for tests that need fixed ports of their own.
    """

    def moved(found: re.Match[str]) -> str:
        return f"127.{int(found[1]) + shift}."

    inventory, source = folder / "inventory", ROOT / "inventories/batubara"
    (inventory / "opd").mkdir(parents=True)
    files = ("region.yml", "hosts.yml", "fibre.yml", "drc.yml", *(f"opd/{code}.yml" for code in OFFICES))
    for name in files:
        text = (source / name).read_text(encoding="utf-8")
        (inventory / name).write_text(re.sub(r"\b10\.(4[01])\.", moved, text), encoding="utf-8")
    world = World("t", inventory, folder / "state", folder / "key", folder / "known")
    routers = {}
    for opd in world.region.opds[:1] + world.region.opds[2:]:
        link = opd.links[0]
        numbers = ((link.ifname, 7), (link.lan_ifname, 3))
        ports = [{"ifname": name, "kernel": "lo", "ifindex": at, "speed_bps": 10**9} for name, at in numbers]
        routers[link.router] = {"namespace": None, "opd": opd.code, "ports": ports}
    world.save()
    (world.state / "network.json").write_text(json.dumps({"routers": routers}), encoding="utf-8")
    return world


def served(service: Service, stack: ExitStack) -> str:
    """Serve a real exporter until the stack ends; where it listens."""
    listening = listen_tcp("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application(service), log_level="warning"))
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    serving.start()
    stack.callback(serving.join)
    stack.callback(setattr, server, "should_exit", True)
    return f"127.0.0.1:{listening.getsockname()[1]}"
