"""Traffic, errors and state of a port: IF-MIB (RFC 2863), 64-bit counters, 32-bit ones only where those are missing."""

from __future__ import annotations

from collections.abc import Iterator

from exporters.collectors.contract import Port
from exporters.series import Recipes, Series, count, series
from ops.system.snmp import Held

IF_TABLE = "1.3.6.1.2.1.2.2.1"
IFX_TABLE = "1.3.6.1.2.1.31.1.1.1"
OPER_STATUS, SPEED, HIGH_SPEED = f"{IF_TABLE}.8", f"{IF_TABLE}.5", f"{IFX_TABLE}.15"
_UP = 1
_SPEED_UNSAID = 2**32 - 1  # ifSpeed of a port that is faster than ifSpeed can say
COUNTERS = {
    "opd_interface_receive_bytes_total": (f"{IFX_TABLE}.6", f"{IF_TABLE}.10"),
    "opd_interface_transmit_bytes_total": (f"{IFX_TABLE}.10", f"{IF_TABLE}.16"),
    "opd_interface_receive_errors_total": (f"{IF_TABLE}.14",),
    "opd_interface_transmit_errors_total": (f"{IF_TABLE}.20",),
    "opd_interface_receive_discards_total": (f"{IF_TABLE}.13",),
    "opd_interface_transmit_discards_total": (f"{IF_TABLE}.19",),
}


class Interface(Recipes):
    def series(self, port: Port) -> Iterator[Series]:
        if not port.ifindex:
            return
        index, labels = port.ifindex, port.labels
        yield series("opd_interface_up", labels, [f"{OPER_STATUS}.{index}"], _is_up, few=True)
        speeds = [f"{HIGH_SPEED}.{index}", *([f"{SPEED}.{index}"] if port.narrow else [])]
        yield series("opd_interface_speed_bytes", labels, speeds, _speed, few=True)
        for name, columns in COUNTERS.items():
            chosen = columns if port.narrow is None or len(columns) == 1 else (columns[port.narrow],)
            told = count if len(chosen) == 1 else _count
            yield series(name, labels, [f"{column}.{index}" for column in chosen], told)
        if port.alias:
            yield series("opd_interface_info", labels | {"ifalias": port.alias}, (), _one)


def _is_up(status: Held) -> int | None:
    return int(status == _UP) if isinstance(status, int) else None


def _speed(megabits: Held, bits: Held = None) -> float | None:
    """Bytes per second; None where it is unsaid."""
    if isinstance(megabits, int) and megabits > 0:
        return megabits * 125_000
    return bits / 8 if isinstance(bits, int) and 0 < bits < _SPEED_UNSAID else None


def _count(wide: Held, narrow: Held) -> int | None:
    return count(wide if isinstance(wide, int) else narrow)


def _one() -> int:
    return 1


COLLECTOR = Interface()
