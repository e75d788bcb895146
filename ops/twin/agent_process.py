"""All device agents of a twin in one process: `python -m ops.twin.agent_process <state>`.

It reads `<state>/network.json` and `<state>/faults.json` again when they change, so an office that is added to a
running twin has its agent within seconds. SIGTERM ends it.
"""

from __future__ import annotations

import logging
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from ops import world as worlds
from ops.errors import OpsError
from ops.system import daemon
from ops.system.secrets import Secrets
from ops.system.sockets import listen_tcp, listen_udp
from ops.system.ssh_server import Doorman, admit
from ops.twin.agent_cli import Limit
from ops.twin.agent_router import Router, Spec, shape_kernel
from ops.twin.agent_specs import dim_losses, specs
from ops.world import World

SNMP, SSH = 161, 22
LOOK_SECONDS = 1.0  # how often changed files are looked for
START_SECONDS = 30.0
DAEMON, READY = "agents", "agents.ready"
_PACKET = 65_535
_log = logging.getLogger(__name__)


class Agents:
    """The routers that are served, and their sockets. `snmp`, `ssh`: ports, 0 for any free one (tests)."""

    def __init__(self, world: World, snmp: int = SNMP, ssh: int = SSH) -> None:
        self.world = world
        self._snmp, self._ssh = (world.reach("", port)[1] for port in (snmp, ssh))
        self.routers: dict[str, Router] = {}
        self.ports: dict[str, tuple[int, int]] = {}  # SNMP and SSH by router
        self._sockets: dict[str, list[socket.socket]] = {}
        self._selector = selectors.DefaultSelector()
        self._stamp: tuple[int, ...] = ()

    def refresh(self) -> None:
        """Serve what the twin's files name now, if they changed."""
        files = [self.world.state / "network.json", self.world.state / "faults.json", self.world.state / "world.json"]
        stamp = tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
        if stamp == self._stamp:
            return
        world = worlds.at(self.world.state)
        try:
            wanted = {spec.name: spec for spec in specs(world)}
        except (OpsError, ValueError) as error:
            _log.warning("not read again: %s", error)  # half an edit; the next one is looked at anew
            return
        self._stamp, self.world = stamp, world
        for name in [name for name, router in self.routers.items() if wanted.get(name) != router.spec]:
            self._leave(name)
        for name, spec in wanted.items():
            if name not in self.routers:
                self._join(spec)
        for name, losses in dim_losses(world).items():
            if name in self.routers:
                self.routers[name].dim = losses
        _write_ready(self.world.state, self.routers)

    def serve(self, until: Callable[[], bool]) -> None:
        """Answer until `until()` holds."""
        looked = time.monotonic()
        while not until():
            for key, _ in self._selector.select(LOOK_SECONDS):
                key.data(key.fileobj)
            if time.monotonic() - looked >= LOOK_SECONDS:
                self.refresh()
                looked = time.monotonic()

    def close(self) -> None:
        for name in list(self.routers):
            self._leave(name)
        self._selector.close()

    def _join(self, spec: Spec) -> None:
        opened: list[socket.socket] = []
        try:
            opened += [listen_udp(spec.address, self._snmp, spec.namespace)]
            opened += [listen_tcp("0.0.0.0" if spec.namespace else spec.address, self._ssh, spec.namespace)]  # noqa: S104 # inside the namespace
            router = self._router(spec)
        except OpsError as error:
            _log.warning("%s: %s", spec.name, error)
            for one in opened:
                one.close()
            return
        udp, tcp = opened
        self._selector.register(udp, selectors.EVENT_READ, lambda _sock: self._datagrams(router, udp))
        self._selector.register(tcp, selectors.EVENT_READ, lambda _sock: self._login(router, tcp))
        self.routers[spec.name], self._sockets[spec.name] = router, opened
        self.ports[spec.name] = (udp.getsockname()[1], tcp.getsockname()[1])

    def _router(self, spec: Spec) -> Router:
        keep = self.world.state / "devices" / f"{spec.name}.json"
        keep.parent.mkdir(parents=True, exist_ok=True)
        community = _secrets(self.world).get(self.world.region.access.snmp_secret)
        return Router(spec, community, keep, shape_kernel if spec.namespace else _shape_nothing)

    def _leave(self, name: str) -> None:
        for opened in self._sockets.pop(name):
            self._selector.unregister(opened)
            opened.close()
        self.routers.pop(name).close()
        del self.ports[name]

    def _datagrams(self, router: Router, udp: socket.socket) -> None:
        with suppress(BlockingIOError):
            for _ in range(32):
                raw, sender = udp.recvfrom(_PACKET)
                reply = router.answer(raw)
                if reply:
                    udp.sendto(reply, sender)

    def _login(self, router: Router, tcp: socket.socket) -> None:
        access = self.world.region.access
        with suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = tcp.accept()
            password = _secrets(self.world).get(access.router_secret)
            key = self.world.state / "devices" / "host_key"
            admit(connection, Doorman(access.router_user, password, key, lambda: router.session(access.router_user)))


def _shape_nothing(spec: Spec, limits: Sequence[Limit]) -> None:
    """Without a namespace of its own a queue is remembered only: tc would slow this machine's loopback down."""
    _log.info("%s: %d queue(s) remembered; tc is skipped (no namespace)", spec.name, len(limits))


def _secrets(world: World) -> Secrets:
    """Read anew: the twin may have been given other values since."""
    return Secrets(world.state / "secrets.yml")


def start(world: World) -> int:
    """Start the agents of a twin, whose note and network.json are written; running ones only take up what is new.

    Returns the pid once every declared router of network.json is served.
    """
    # The secrets are made here, once, so that agents and pollers never invent two values for one name.
    for name in (world.region.access.snmp_secret, world.region.access.router_secret):
        world.secrets.get(name)
    if not daemon.alive(world.state, DAEMON):
        (world.state / READY).unlink(missing_ok=True)
        daemon.start(world.state, DAEMON, [sys.executable, "-m", "ops.twin.agent_process", str(world.state)])
    wanted = {spec.name for spec in specs(worlds.at(world.state))}
    ready, end = world.state / READY, time.monotonic() + START_SECONDS
    while not ready.exists() or not wanted <= set(ready.read_text(encoding="utf-8").split()):
        if not daemon.alive(world.state, DAEMON) or time.monotonic() > end:
            said = daemon.last_line(world.state, DAEMON)
            raise OpsError(f"device agents did not start: {said}", f"see {world.state}/run/{DAEMON}.log")
        time.sleep(0.05)
    return daemon.pid_of(world.state, DAEMON) or 0


def stop(world: World) -> None:
    """End the agents of a twin; nothing happens if there are none."""
    daemon.stop(world.state, DAEMON)
    (world.state / READY).unlink(missing_ok=True)


def _write_ready(state: Path, routers: Iterable[str]) -> None:
    fresh = state / f"{READY}.new"
    fresh.write_text("".join(f"{name}\n" for name in sorted(routers)), encoding="utf-8")
    fresh.replace(state / READY)


def main(state: Path) -> None:
    """Serve the twin whose state is in `state` until SIGTERM."""
    ended: list[int] = []
    for known in (signal.SIGTERM, signal.SIGINT):
        signal.signal(known, lambda number, _frame: ended.append(number))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    agents = Agents(worlds.at(state))
    agents.refresh()
    try:
        agents.serve(lambda: bool(ended))
    finally:
        agents.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # clients that break off are nothing to tell
    main(Path(sys.argv[1]))
