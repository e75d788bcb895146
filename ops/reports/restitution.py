"""What an upstream's provider owes for a month, from measured outages and the contract's terms. Pure.

Counted is the whole month less the provider's own windows and what the contract excludes. Time that was not measured
counts as available: a claim rests on what can be shown. Times are taken in whole milliseconds, and availability is
compared as a fraction, so that a figure at the very edge of a band falls on the side where the contract has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from ops.inventory.restitution import Band, Terms
from ops.reports.period import Period
from ops.reports.spans import Span, minus, total, union
from ops.reports.windows import moments, spans


@dataclass(frozen=True, slots=True)
class Claim:
    """`counted`, `down`: seconds. `band`: the one that the availability lies in; None where the promise was kept."""

    counted: float
    down: float
    availability: Fraction  # percent, exact
    band: Band | None
    rupiah: int

    @property
    def percent(self) -> float:
        """Of the fee."""
        return self.band.percent if self.band else 0.0


def excluded(terms: Terms, period: Period) -> list[Span]:
    """Stretches that the contract does not count."""
    return union([*spans(terms.windows, period), *moments((one.pair for one in terms.excluded), period)])


def claim(terms: Terms, period: Period, down: Iterable[Span]) -> Claim:
    """`down`: stretches in which the upstream was measured to be down."""
    without = excluded(terms, period)
    within = minus([(period.begin, period.end)], without)
    counted = _milliseconds(within)
    lost = _milliseconds(minus(union(_clipped(down, period)), without))
    available = Fraction(100 * (counted - lost), counted) if counted else Fraction(100)
    band = band_of(terms.bands, available)
    return Claim(counted / 1000, lost / 1000, available, band, _rupiah(terms.fee, band))


def band_of(bands: Iterable[Band], availability: Fraction) -> Band | None:
    """The band that an availability (percent) lies in; None above them all."""
    for band in bands:
        if Fraction(str(band.since)) <= availability < Fraction(str(band.to)):
            return band
    return None


def _rupiah(fee: int, band: Band | None) -> int:
    if band is None:
        return 0
    return int((fee * Decimal(str(band.percent)) / 100).quantize(Decimal(1), ROUND_HALF_UP))


def _clipped(down: Iterable[Span], period: Period) -> Iterable[Span]:
    return ((max(begin, period.begin), min(end, period.end)) for begin, end in down)


def _milliseconds(found: Iterable[Span]) -> int:
    return round(total(found) * 1000)
