"""Was the office reachable? Stretches up and down of an office from the readings of its links. Pure.

A link is down at a reading when its port is told to be down, or when its router gave no answer and no echo came back.
An office is down while every one of its links is down. Maintenance windows are left out of the account, and so is
time that nothing was measured in; availability is what was up of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ops.inventory.model import Opd
from ops.reports.figure import NO_LINK, NOTHING_KEPT, Figure
from ops.reports.measured import Readings
from ops.reports.period import Period
from ops.reports.spans import Piece, Span, chosen, common, judged, minus, pieces, total, union
from ops.reports.windows import spans

ANSWERED, PORT, LOST = "opd_poll_up", "opd_interface_up", "opd_link_packet_loss_ratio"
CUT, DARK = "opd_fibre_behind_cut", "opd_optical_rx_loss"
METRICS = (ANSWERED, PORT, LOST, CUT, DARK)


def selector(opd: str) -> str:
    """The samples that all of this rests on."""
    return f'{{__name__=~"{"|".join(METRICS)}",opd="{opd}"}}'


@dataclass(frozen=True)
class Availability:
    """Stretches of one office in one period. `planned`: its maintenance windows."""

    within: Span
    up: list[Span]
    down: list[Span]
    planned: list[Span]
    query: str
    reason: str = ""  # why there is none

    @cached_property
    def counted_down(self) -> float:
        return total(minus(self.down, self.planned))

    @cached_property
    def counted(self) -> float:
        """Seconds that were measured outside maintenance."""
        return total(minus(union([*self.up, *self.down]), self.planned))

    @cached_property
    def unknown(self) -> float:
        """Seconds outside maintenance that nothing was measured in."""
        return total(minus([self.within], self.planned)) - self.counted

    @property
    def percent(self) -> float | None:
        return 100 * (1 - self.counted_down / self.counted) if self.counted else None

    def figure(self, source: str) -> Figure:
        return Figure(self.percent, "percent", source, "" if self.counted else self.reason or NOTHING_KEPT)


def availability(opd: Opd, period: Period, readings: Readings) -> Availability:
    """From the readings of `selector(opd.code)`."""
    within = (period.begin, period.seen_until)
    links = [_link(link.router, link.ifname, readings, within) for link in opd.links]
    found = judged([_as_pieces(link) for link in links], _office)
    return Availability(
        within,
        chosen(found, wanted=True),
        chosen(found, wanted=False),
        common(spans(opd.maintenance, period), [within]),
        readings.query,
        "" if opd.links else NO_LINK,
    )


def series(readings: Readings, name: str, device: str, ifname: str, within: Span) -> list[Piece]:
    return pieces(readings.samples.get((name, device, ifname, ""), []), within)


def _link(router: str, ifname: str, readings: Readings, within: Span) -> list[tuple[float, float, bool | None]]:
    parts = [
        series(readings, ANSWERED, router, "", within),
        series(readings, PORT, router, ifname, within),
        series(readings, LOST, router, ifname, within),
    ]
    return judged(parts, _truth)


def _truth(values: tuple[float | None, ...]) -> bool | None:
    answered, port, lost = values
    if port == 0:
        return False
    if answered == 1 or (lost is not None and lost < 1):
        return True
    return None if answered is None and lost is None else False


def _as_pieces(found: Sequence[tuple[float, float, bool | None]]) -> list[Piece]:
    return [(begin, end, float(truth)) for begin, end, truth in found if truth is not None]


def _office(values: tuple[float | None, ...]) -> bool | None:
    """Up while any link is; unknown while one that may be up is unknown."""
    if any(value == 1 for value in values):
        return True
    return None if any(value is None for value in values) else False
