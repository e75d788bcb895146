"""What runs on the operations station itself: today the exporter, as a process of its own."""

from __future__ import annotations

import sys
import time

from ops.errors import OpsError
from ops.progress import Event, Progress, State
from ops.system import daemon, http
from ops.world import World

START_SECONDS = 30.0


def start_exporter(world: World, progress: Progress) -> str:
    """Start the exporter of a twin unless it runs already; returns its base URL once it answers."""
    address, port = world.reach(str(world.region.station.address), world.region.station.exporter_port)
    listen = f"{address}:{port}"
    url = f"http://{listen}"
    if not daemon.alive(world.state, "exporter"):
        argv = [sys.executable, "-m", "ops.cli.main", "exporter", "serve", "--twin", world.name, "--quiet"]
        daemon.start(world.state, "exporter", [*argv, "-i", str(world.inventory), "--listen", listen])
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if not daemon.alive(world.state, "exporter"):
            raise OpsError(f"the exporter ended at once: {daemon.last_line(world.state, 'exporter')}")
        if http.answers(f"{url}/healthz"):
            progress(Event("exporter", "", State.OK, url))
            return url
        time.sleep(0.2)
    raise OpsError(f"the exporter does not answer on {url} after {START_SECONDS:.0f} s")
