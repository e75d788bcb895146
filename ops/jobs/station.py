"""What runs on the operations station itself: today the exporter, as a process of its own."""

from __future__ import annotations

import sys
import time

from ops.errors import OpsError
from ops.progress import Event, Progress, State
from ops.system import daemon, http
from ops.world import World

START_SECONDS = 30.0


def url(world: World) -> str:
    """Base URL of the exporter."""
    return f"http://{_listen(world)}"


def _listen(world: World) -> str:
    address, port = world.reach(str(world.region.station.address), world.region.station.exporter_port)
    return f"{address}:{port}"


def start_exporter(world: World, progress: Progress) -> str:
    """Start the exporter of a twin unless it runs already; returns its base URL once it answers."""
    base = url(world)
    if not daemon.alive(world.state, "exporter"):
        argv = [sys.executable, "-m", "ops.cli.main", "exporter", "serve", "--twin", world.name, "--quiet"]
        daemon.start(world.state, "exporter", [*argv, "-i", str(world.inventory), "--listen", _listen(world)])
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if not daemon.alive(world.state, "exporter"):
            raise OpsError(f"the exporter ended at once: {daemon.last_line(world.state, 'exporter')}")
        if http.answers(f"{base}/healthz"):
            progress(Event("exporter", "", State.OK, base))
            return base
        time.sleep(0.2)
    raise OpsError(f"the exporter does not answer on {base} after {START_SECONDS:.0f} s")
