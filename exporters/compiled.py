"""What is asked of a device in every poll, made from what discovery found, and how to see that it no longer fits. Pure.

Each packet carries sysUpTime, ifTableLastChange and the name of every port whose values it holds, so that a restart or
a renumbered ifIndex shows in the same packet as the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exporters.collectors.contract import Port
from exporters.collectors.interface import COUNTERS
from exporters.discovery import Discovered
from exporters.ports import IF_DESCR, IF_NAME
from exporters.registry import others, recipes
from exporters.series import Series
from exporters.sheet import Sheet, at_places
from exporters.widened import Narrow
from ops.system.snmp import MOST_VARBINDS, Held

UPTIME, LAST_CHANGE = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.5.0"
OCTETS = COUNTERS["opd_interface_receive_bytes_total"]
_HEAD = (UPTIME, LAST_CHANGE)


@dataclass(frozen=True, slots=True)
class Look:
    """Of a discovery, what a poll goes on needing: no more, since it is kept for every device.

    `names`: what the device must say at these OIDs, or an ifIndex is not what it was · `at`: when, in seconds.
    """

    names: Mapping[str, Held]
    changed: Held
    at: float
    broken: str

    @classmethod
    def of(cls, ports: Sequence[Port], found: Discovered, at: float) -> Look:
        return cls(dict(_name(port, found) for port in ports), found.changed, at, found.broken)


@dataclass(frozen=True)
class Compiled:
    """`packets`: OIDs that are asked together · `oids`: all of them in order, guards in every packet anew ·
    `unlike`: how many of them there are but for that.
    """

    ports: tuple[Port, ...]
    packets: tuple[tuple[str, ...], ...]
    oids: tuple[str, ...]
    unlike: int
    look: Look
    sheet: Sheet
    narrow: tuple[Narrow, ...]
    _named: Callable[[Sequence[Held]], tuple[Any, ...]] = field(repr=False)
    _expected: tuple[Held, ...] = ()

    def named_as_before(self, row: Sequence[Held]) -> bool:
        """Whether every port's ifIndex is still that port's."""
        return self._named(row) == self._expected

    def width(self, row: Sequence[Held], port: Port) -> bool | None:
        """Whether this port's octets are counted in 32 bits only; None when it gave neither count."""
        wide, narrow = (
            row[self.oids.index(oid)] if (oid := f"{column}.{port.ifindex}") in self.oids else None for column in OCTETS
        )
        if wide is not None:
            return False
        return None if narrow is None else True


def compiled(ports: Sequence[Port], look: Look, own: Sequence[Series]) -> Compiled:
    """`own`: recipes of the polling itself, made of values that stand after those of the device."""
    by_index = {oid.rpartition(".")[2]: oid for oid in look.names}
    packets = _packets([(by_index[port.ifindex], _oids(port)) for port in ports])
    oids = tuple(oid for packet in packets for oid in packet)
    told = [one for port in ports for one in recipes(port)]
    guards = [(place, look.names[oid]) for place, oid in enumerate(oids) if oid in look.names]
    return Compiled(
        tuple(ports),
        packets,
        oids,
        len(set(oids)),
        look,
        Sheet([*told, *own], [*oids, *(oid for one in own for oid in one.oids)]),
        tuple(narrow for port in ports if port.narrow for narrow in Narrow.of(port, oids)),
        at_places([place for place, _ in guards]),
        tuple(value for _, value in guards),
    )


def _name(port: Port, found: Discovered) -> tuple[str, Held]:
    """Where the device says this port's name, and what it said: ifName, or ifDescr where there are none."""
    for column in (IF_NAME, IF_DESCR):
        oid = f"{column}.{port.ifindex}"
        if found.values.get(oid) is not None:
            return oid, found.values[oid]
    return f"{IF_NAME}.{port.ifindex}", None


def _oids(port: Port) -> list[str]:
    wanted = [oid for one in recipes(port) for oid in one.oids]
    return [*dict.fromkeys([*wanted, *(oid for other in others() for oid in other.oids(port))])]


def _packets(blocks: Iterable[tuple[str, list[str]]]) -> tuple[tuple[str, ...], ...]:
    """As many ports in a packet as fit; a port of more values than fit has several, each with its name."""
    packets: list[list[str]] = [[*_HEAD]]
    for name, oids in blocks:
        room = MOST_VARBINDS - len(_HEAD) - 1
        for at in range(0, len(oids), room):
            part = [name, *oids[at : at + room]]
            if len(packets[-1]) + len(part) > MOST_VARBINDS:
                packets.append([*_HEAD])
            packets[-1] += part
    return tuple(tuple(dict.fromkeys(packet)) for packet in packets)
