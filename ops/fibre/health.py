"""How a link's light stands against its loss budget, and where it is going. Pure.

Margin is what is left above the weakest light that the receiver takes. A module that ages (its own light falls or its
bias current rises) is told from fibre that loses more (light arrives weaker though the far end sends as ever). Where
several links dim alike, the segment that they share and no steady link rides on is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.fibre.budget import Budget
from ops.fibre.evidence import Measured
from ops.fibre.locate import Diagnosis, locate
from ops.fibre.riders import Rider, Riders, Seen, Sight
from ops.fibre.trend import LEAST_DAYS, Point, Trend, days_known, trend

LEAST_SPARE = 3.0  # dB of margin; below that the next repair or dirty connector takes the link down
_OF_THE_FALL = 0.75  # of the days of a fall the far end's light must be known
_LEAST_BIAS = 0.1  # share of the bias current that it must rise by to be called ageing


class Cause(StrEnum):
    FIBRE = "fibre"  # the far end sends as ever, less arrives
    FIBRE_OR_FAR_MODULE = "fibre or the far end's module"  # what the far end sends is not measured
    FAR_MODULE = "the far end's module"
    MODULE = "the office's module"


@dataclass(frozen=True, slots=True)
class Margin:
    """dB. `spare`: received less the weakest light taken · `excess`: loss beyond the budget (below 0: less loss)."""

    received: float
    floor: float
    expected: float

    @property
    def spare(self) -> float:
        return self.received - self.floor

    @property
    def excess(self) -> float:
        return self.expected - self.received


@dataclass(frozen=True, slots=True)
class History:
    """A link's readings, (seconds, value): dBm received and sent, amperes of bias, dBm sent by the far end."""

    received: Sequence[Point] = ()
    sent: Sequence[Point] = ()
    bias: Sequence[Point] = ()
    far_sent: Sequence[Point] = ()


@dataclass(frozen=True, slots=True)
class Dimming:
    """A link whose light falls for good. `slope`: dB per day (below 0) · `days`: to the threshold, None: far off."""

    cause: Cause
    slope: float
    days: float | None


def margin(one: Measured, budget: Budget) -> Margin | None:
    """None where no light is measured."""
    if one.received is None:
        return None
    floor = one.floor if one.floor is not None else budget.optics.sensitivity
    return Margin(one.received, floor, budget.received)


def dimming(history: History, floor: float) -> tuple[Dimming, ...]:
    """What falls for good: the light that arrives (against `floor`, dBm) and the light that the office's module sends.

    A module's own light has no declared threshold, so its ageing has no date.
    """
    found = []
    received = trend(history.received)
    if received and received.slope < 0:
        found.append(Dimming(_cause(history), received.slope, received.days_to(floor)))
    sent = trend(history.sent)
    if (sent and sent.slope < 0) or _bias_rises(history.bias):
        found.append(Dimming(Cause.MODULE, sent.slope if sent else 0.0, None))
    return tuple(found)


def _cause(history: History) -> Cause:
    """What the far end sent must be known for most of the time in which less and less arrived."""
    if days_known(history.far_sent) < max(LEAST_DAYS, _OF_THE_FALL * days_known(history.received)):
        return Cause.FIBRE_OR_FAR_MODULE
    far = trend(history.far_sent)
    return Cause.FAR_MODULE if far and far.slope < 0 else Cause.FIBRE


def _bias_rises(bias: Sequence[Point]) -> bool:
    if not bias:
        return False
    rising: Trend | None = trend(bias, least_move=_LEAST_BIAS * abs(bias[0][1]))
    return rising is not None and rising.slope > 0


def dimming_segments(riders: Riders, slopes: Mapping[str, float]) -> Diagnosis:
    """Where dimming links lose their light: `slopes` (dB per day, 0 for steady) of every link with enough history.

    The same question as a cut's: a segment that dims, dims all that rides on it, and a steady rider clears it. What is
    left in `own` dims by itself: its drop, its connectors, its module or the far end's.
    """
    bare = {name: Rider(one.node, one.rides, protected=False, own_km=one.own_km) for name, one in riders.riders.items()}
    sights = {name: Sight(Seen.DARK if slope < 0 else Seen.LIT) for name, slope in slopes.items()}
    return locate(Riders(riders.centre, riders.segments, riders.km, bare), sights)
