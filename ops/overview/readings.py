"""What exporters tell, as readings: Prometheus text of which only the wanted series are taken, found by port. Pure.

Some 15 series of a link are wanted of the 60 that are told, twice a second or so: so no general parser.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

PORT_UP, POLL_UP = "opd_interface_up", "opd_poll_up"
RECEIVED_BYTES, SENT_BYTES = "opd_interface_receive_bytes_total", "opd_interface_transmit_bytes_total"
LIGHT, NO_LIGHT = "opd_optical_receive_power_dbm", "opd_optical_rx_loss"
LATENCY, LOSS = "opd_link_latency_seconds", "opd_link_packet_loss_ratio"
OF_PORTS = frozenset({PORT_UP, POLL_UP, RECEIVED_BYTES, SENT_BYTES, LIGHT, NO_LIGHT, LATENCY, LOSS})

SUSPECT, WHOLE, BEHIND = "opd_fibre_segment_suspect", "opd_fibre_segment_whole", "opd_fibre_behind_cut"
DETOUR, DAYS, JUDGED = "opd_fibre_detour", "opd_fibre_days_to_threshold", "opd_fibre_judged_timestamp_seconds"
REGISTERED = "opd_phone_registered"  # absent while the exchange can not be asked
EXCHANGE_UP = "opd_exchange_up"
OF_REGION = frozenset({SUSPECT, WHOLE, BEHIND, DETOUR, DAYS, JUDGED, REGISTERED, EXCHANGE_UP})

Port = tuple[str, str]  # device, ifname ("" for what is of the whole device)
_PLAIN = re.compile(r'(\w+)="([^"]*)"')
_ESCAPED = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_LINE = re.compile(r"^(\w+)(?:\{(.*)\})?\s+(\S+)(?:\s+\S+)?$")
_SIGN = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Reading:
    """One sample. `at`: when it was read, seconds since the epoch."""

    name: str
    labels: Mapping[str, str]
    value: float
    at: float


def parse(text: str, wanted: frozenset[str], at: float) -> Iterator[Reading]:
    """The wanted samples of a text. A line that is no sample, or no number, is passed over."""
    for line in text.split("\n"):
        cut = line.find("{")
        name = line[:cut] if cut > 0 else line.partition(" ")[0]
        if name in wanted and (match := _LINE.match(line)):
            value = _number(match[3])
            if value is not None:
                yield Reading(name, _labels(match[2] or ""), value, at)


def _labels(text: str) -> dict[str, str]:
    if "\\" not in text:
        return dict(_PLAIN.findall(text))
    return {
        name: _SIGN.sub(lambda sign: "\n" if sign[1] == "n" else sign[1], value)
        for name, value in _ESCAPED.findall(text)
    }


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Readings:
    """Readings by name, and by the port that they are of."""

    by_name: Mapping[str, list[Reading]] = field(default_factory=dict)
    _ports: Mapping[str, Mapping[Port, list[Reading]]] = field(default_factory=dict)

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> Readings:
        names: dict[str, list[Reading]] = {}
        ports: dict[str, dict[Port, list[Reading]]] = {}
        for one in readings:
            names.setdefault(one.name, []).append(one)
            if device := one.labels.get("device"):
                port = (device, one.labels.get("ifname", ""))
                ports.setdefault(one.name, {}).setdefault(port, []).append(one)
        return cls(names, ports)

    def port(
        self, name: str, device: str, ifname: str, choose: Callable[[float, float], float] = min
    ) -> Reading | None:
        """The one reading of a port; of several modules behind it the least (or what `choose` says), read first."""
        found = self._ports.get(name, {}).get((device, ifname), ())
        if len(found) < 2:  # noqa: PLR2004 # one or none
            return found[0] if found else None
        value = found[0].value
        for one in found:
            value = choose(value, one.value)
        return Reading(name, found[0].labels, value, min(one.at for one in found))


@dataclass(frozen=True, slots=True)
class Rate:
    """Bits per second of a port, towards the office and from it; `at`: of the newer reading."""

    download: float | None
    upload: float | None
    at: float


def rates(before: Readings, after: Readings) -> dict[Port, Rate]:
    """How fast counters grew between two readings. One that fell back (a router that started anew) tells nothing."""
    found: dict[Port, Rate] = {}
    for port, newest in after._ports.get(RECEIVED_BYTES, {}).items():  # noqa: SLF001 # its own kind
        down = _grown(before.port(RECEIVED_BYTES, *port), newest[0])
        up = _grown(before.port(SENT_BYTES, *port), after.port(SENT_BYTES, *port))
        found[port] = Rate(down, up, newest[0].at)
    return found


def _grown(old: Reading | None, new: Reading | None) -> float | None:
    if old is None or new is None or new.at <= old.at or new.value < old.value:
        return None
    return (new.value - old.value) * 8 / (new.at - old.at)
