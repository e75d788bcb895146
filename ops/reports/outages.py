"""Outages of an office: when each began and ended, and why, as far as the readings tell.

Causes: `fibre-cut` with its segment where the plant's judgement put the office behind a cut; `no-light` and `port`
by what its own port told; `restart` when the router's counters began anew (power, or the device itself);
`maintenance` when all of it lies in the office's own window; else `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ops.inventory.model import Opd
from ops.reports.availability import ANSWERED, CUT, DARK, PORT, Availability
from ops.reports.measured import Measured, Readings
from ops.reports.spans import HOLD, Piece, Span, common, minus, pieces, total

Cause = Literal["fibre-cut", "no-light", "port", "restart", "maintenance", "unknown"]


@dataclass(frozen=True, slots=True)
class Outage:
    """`end`: None while it goes on. `counted`: seconds of it outside maintenance. `segment`: of a cut."""

    begin: float
    end: float | None
    seconds: float
    counted: float
    cause: Cause
    segment: str = ""


def outages(
    opd: Opd, found: Availability, readings: Readings, restarted: Callable[[Span], bool] = lambda _span: False
) -> list[Outage]:
    """In order. `restarted`: whether the office's routers began anew in that stretch."""
    return [_outage(opd, span, found, readings, restarted) for span in found.down]


def restarts(measured: Measured, opd: str) -> Callable[[Span], bool]:
    """Whether counters of the office's routers fell back; asked of Prometheus for that stretch alone."""

    def asked(span: Span) -> bool:
        begin, end = span[0] - HOLD, span[1] + HOLD
        query = f'resets(opd_interface_receive_bytes_total{{opd="{opd}"}}[{int(end - begin)}s] @ {int(end)})'
        return any(one.value > 0 for one in measured.vector(query))

    return asked


def _outage(opd: Opd, span: Span, found: Availability, readings: Readings, restarted: Callable[[Span], bool]) -> Outage:
    going_on = span[1] >= found.within[1]
    counted = total(minus([span], found.planned))
    segment = _segment(opd, span, readings)
    cause: Cause = "fibre-cut" if segment else "maintenance" if counted == 0 else _own(opd, span, readings)
    if cause == "unknown" and not going_on and restarted(span):
        cause = "restart"
    return Outage(span[0], None if going_on else span[1], span[1] - span[0], counted, cause, segment)


def _segment(opd: Opd, span: Span, readings: Readings) -> str:
    """The segment that the office was longest behind; "" when it was behind none."""
    behind: dict[str, float] = {}
    routers = {link.router for link in opd.links}
    for (name, device, _, segment), samples in readings.samples.items():
        if name == CUT and device in routers:
            shared = _shared(pieces(samples, span), 1.0)
            behind[segment] = behind.get(segment, 0.0) + total(common(shared, [span]))
    longest = max(behind.items(), key=lambda one: (one[1], one[0]), default=("", 0.0))
    return longest[0] if longest[1] > 0 else ""


def _own(opd: Opd, span: Span, readings: Readings) -> Cause:
    """What the office's own ports told."""
    ports = [(link.router, link.ifname) for link in opd.links]
    if any(_told(readings, DARK, port, span, 1.0) for port in ports):
        return "no-light"
    if any(
        _told(readings, PORT, port, span, 0.0) and _told(readings, ANSWERED, (port[0], ""), span, 1.0) for port in ports
    ):
        return "port"
    return "unknown"


def _told(readings: Readings, name: str, port: tuple[str, str], span: Span, value: float) -> bool:
    return any(at == value for when, at in readings.samples.get((name, *port, ""), []) if span[0] <= when < span[1])


def _shared(found: list[Piece], value: float) -> list[Span]:
    return [(begin, end) for begin, end, at in found if at == value]
