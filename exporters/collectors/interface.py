"""Traffic, errors and state of a port: IF-MIB (RFC 2863), 64-bit counters, 32-bit ones only where those are missing."""

from __future__ import annotations

from collections.abc import Iterable

from exporters.collectors.contract import Port, Reading
from exporters.metrics import Sample

IF_TABLE = "1.3.6.1.2.1.2.2.1"
IFX_TABLE = "1.3.6.1.2.1.31.1.1.1"
OPER_STATUS, HIGH_SPEED = f"{IF_TABLE}.8", f"{IFX_TABLE}.15"
_UP = 1
_EXACT = 2**53  # a double holds integers up to here exactly; Prometheus stores doubles
COUNTERS = {
    "opd_interface_receive_bytes_total": (f"{IFX_TABLE}.6", f"{IF_TABLE}.10"),
    "opd_interface_transmit_bytes_total": (f"{IFX_TABLE}.10", f"{IF_TABLE}.16"),
    "opd_interface_receive_errors_total": (f"{IF_TABLE}.14",),
    "opd_interface_transmit_errors_total": (f"{IF_TABLE}.20",),
    "opd_interface_receive_discards_total": (f"{IF_TABLE}.13",),
    "opd_interface_transmit_discards_total": (f"{IF_TABLE}.19",),
}


class Interface:
    def oids(self, port: Port) -> Iterable[str]:
        columns = [OPER_STATUS, HIGH_SPEED, *(column for columns in COUNTERS.values() for column in columns)]
        return [f"{column}.{port.ifindex}" for column in columns]

    def samples(self, port: Port, reading: Reading) -> Iterable[Sample]:
        status = reading.number(f"{OPER_STATUS}.{port.ifindex}")
        if status is not None:
            yield port.sample("opd_interface_up", status == _UP)
        megabits = reading.number(f"{HIGH_SPEED}.{port.ifindex}")
        if megabits:
            yield port.sample("opd_interface_speed_bytes", megabits * 1_000_000 / 8)
        for name, columns in COUNTERS.items():
            found = (reading.number(f"{column}.{port.ifindex}") for column in columns)
            value = next((value for value in found if value is not None), None)
            if value is not None:
                yield port.sample(name, value % _EXACT)


COLLECTOR = Interface()
