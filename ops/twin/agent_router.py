"""One router of a twin as its device sees itself: SNMP answers, optics, command line, queues that the kernel keeps."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from ops.catalogue.device import Device
from ops.catalogue.optical import Optic
from ops.errors import OpsError
from ops.fibre.budget import LX, Budget
from ops.system.process import Ask, run
from ops.system.sockets import Interfaces
from ops.system.ssh_server import Session
from ops.twin.agent_cli import LANGUAGES, Configuration, Limit
from ops.twin.agent_config import GUARD
from ops.twin.agent_mib import Port, Snapshot, view
from ops.twin.agent_ping import answer
from ops.twin.agent_snmp import Agent

LOOK_SECONDS = 0.05  # values asked for within this time are one snapshot: a walk is many packets of one moment
_BURST_SECONDS = 0.02
_LEAST_BURST = 65_536  # bytes: a veth hands on packets of up to 64 KiB


@dataclass(frozen=True)
class Link:
    """A declared link on this router: its fibre port, its LAN port (ifNames), and what light to expect.

    `budget` None: the fibre is cut and there is no way round.
    """

    name: str
    wan: str
    lan: str
    budget: Budget | None = None


@dataclass(frozen=True)
class Spec:
    """What an agent is told of its router. `namespace` None: this machine's own (loopback twin)."""

    name: str
    address: str
    device: Device
    namespace: str | None
    ports: tuple[Port, ...]
    links: tuple[Link, ...] = ()


class Router:
    """`dim`: dB lost beyond the budget, by link name (faults). Not safe for threads but for `session`."""

    def __init__(self, spec: Spec, community: str, keep: Path, shape: Callable[[Spec, Sequence[Limit]], None]) -> None:
        self.spec, self.dim = spec, dict[str, float]()
        self._keep, self._shape = keep, shape
        self._interfaces = Interfaces(spec.namespace)
        self._agent = Agent(community.encode(), view(spec.name, spec.device, spec.ports))
        self._born = time.monotonic()
        self._seen: tuple[float, Snapshot] | None = None
        self._lock = threading.Lock()
        self._language, self._limits = LANGUAGES[spec.device.netmiko]
        self.configuration: Configuration = json.loads(keep.read_text(encoding="utf-8")) if keep.exists() else {}
        self._kept = _text(self.configuration)
        self._undo: threading.Timer | None = None
        if self.configuration:
            self._shape(spec, self._limits(self.configuration))
        self._guard()

    def answer(self, raw: bytes) -> bytes | None:
        """The reply to one SNMP packet."""
        return self._agent.answer(raw, self.look())

    def look(self) -> Snapshot:
        """All values of this moment."""
        now = time.monotonic()
        if self._seen and now - self._seen[0] < LOOK_SECONDS:
            return self._seen[1]
        running = {port.kernel: self._interfaces.running(port.kernel) for port in self.spec.ports}
        optics = {link.wan: self._light(link, running) for link in self.spec.links}
        ticks = int((now - self._born) * 100) + 1
        seen = Snapshot(ticks, 0, self._interfaces.counters(), running, optics)
        self._seen = (now, seen)
        return seen

    def session(self, user: str) -> Session:
        """A command line whose changes are kept on disk and handed to the kernel at once."""
        names = [port.ifname for port in self.spec.ports]
        return _Kept(self._language(self.spec.name, user, names, self.configuration), self)

    def changed(self) -> str:
        """Make the kernel and the disk hold what the configuration says; the error to show, or nothing."""
        self._guard()
        with self._lock:
            text = _text(self.configuration)
            if text == self._kept:
                return ""
            try:
                self._shape(self.spec, self._limits(self.configuration))
            except OpsError as error:
                return f"failure: {error.what}"
            fresh = self._keep.with_suffix(".new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self._keep)
            self._kept = text
            return ""

    def close(self) -> None:
        if self._undo:
            self._undo.cancel()
        self._interfaces.close()

    def _guard(self) -> None:
        """Take everything back when the time that the configuration says has come, unless it says so no more."""
        if self._undo:
            self._undo.cancel()
            self._undo = None
        if due := self.configuration.get(GUARD, {}).get("due"):
            self._undo = threading.Timer(max(0.0, due - time.time()), self._take_back)
            self._undo.daemon = True
            self._undo.start()

    def _take_back(self) -> None:
        before = self.configuration.pop(GUARD, {}).get("before")
        if before is not None:
            self.configuration.clear()
            self.configuration.update(before)
            self.changed()

    def _light(self, link: Link, running: dict[str, bool]) -> dict[Optic, float | None]:
        """What the transceiver measures: the budget, less what a fault takes; nothing received on a dead port."""
        port = next((port for port in self.spec.ports if port.ifname == link.wan), None)
        lit = port is not None and running.get(port.kernel, False)
        optics = link.budget.optics if link.budget else LX
        received = link.budget.received - self.dim.get(link.name, 0.0) if link.budget and lit else -inf
        dark = received < optics.sensitivity
        return {
            "receive_power_dbm": None if dark else received,
            "transmit_power_dbm": optics.launch,
            "temperature_celsius": 41.0,
            "voltage_volts": 3.3,
            "bias_amperes": 0.018,
            "rx_loss": float(dark),
        }


def _text(configuration: Configuration) -> str:
    return json.dumps(configuration, indent=1, sort_keys=True)


class _Kept:
    """A session that tells its router after every line."""

    def __init__(self, inner: Session, router: Router) -> None:
        self._inner, self._router, self.banner = inner, router, inner.banner

    def prompt(self) -> str:
        return self._inner.prompt()

    def line(self, text: str) -> str | None:
        spec = self._router.spec
        if (pinged := answer(spec.device.netmiko, text, spec.namespace)) is not None:
            return pinged
        said = self._inner.line(text)
        if said is None:
            return None
        return self._router.changed() or said


def shape_kernel(spec: Spec, limits: Sequence[Limit]) -> None:
    """Token buckets on the router's ports: upload leaves the fibre port, download leaves the LAN port.

    A port without a limit is left at line speed. The kernel's tc works inside the namespace by its name.
    """
    kernel = {port.ifname: port.kernel for port in spec.ports}
    wanted = dict.fromkeys(kernel.values(), 0)
    for limit in limits:
        link = next((link for link in spec.links if link.wan == limit.ifname), None)
        if link is None:
            continue
        for ifname, rate in ((link.wan, limit.upload), (link.lan, limit.download)):
            if ifname in kernel:
                wanted[kernel[ifname]] = rate
    for name, rate in wanted.items():
        _shape_port(spec.namespace, name, rate)


def _shape_port(namespace: str | None, kernel: str, rate: int) -> None:
    tc = ["tc", *(["-n", namespace] if namespace else []), "qdisc"]
    if not rate:
        run([*tc, "del", "dev", kernel, "root"], Ask(timeout=10))  # there may be none
        return
    burst = max(_LEAST_BURST, int(rate / 8 * _BURST_SECONDS))
    bucket: list[Any] = ["root", "tbf", "rate", f"{rate}bit", "burst", str(burst), "latency", "50ms"]
    run([*tc, "replace", "dev", kernel, *bucket], Ask(timeout=10)).must(f"tc on {kernel}")
