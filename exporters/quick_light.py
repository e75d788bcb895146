"""Light read in the hot path: what a raw figure means is worked out once for all ports of one profile.

The same answers as `exporters.collectors.optics.value`, for modules whose figures need no companion and no splitting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from exporters.sensor import Sensor
from ops.catalogue.optical import Optic, Raw, plausible

RECEIVED: Optic = "receive_power_dbm"
SENT: Optic = "transmit_power_dbm"
LOSS: Optic = "rx_loss"
_KINDS = 2000  # readers that are one for all ports
Figure = Callable[[Raw], float | None]


def quick_reader(module: Mapping[Optic, Sensor], name: Optic) -> Callable[..., float | None] | None:
    """A function of the raw figures of `name`; for RECEIVED and LOSS, of all of RECEIVED, SENT and LOSS that there are.

    None for a module that must be read with care.
    """
    if any(sensor.guards or sensor.split or sensor.bursts or sensor.onu for sensor in module.values()):
        return None
    figures = [_figure(one, module[one].convert) if one in module else None for one in (RECEIVED, SENT, LOSS)]
    if name == RECEIVED:
        return _received(*figures)
    if name == LOSS:
        return _lost(*figures)
    return _figure(name, module[name].convert)


@lru_cache(maxsize=_KINDS)
def _received(received: Figure | None, sent: Figure | None, loss: Figure | None) -> Callable[..., float | None]:
    """No power is received in darkness, whatever the device says."""
    assert received  # noqa: S101 # it is what was asked for
    at = 1 + (sent is not None)

    def read(*raw: Raw) -> float | None:
        found = received(raw[0])
        return None if found is None or (loss and loss(raw[at])) else found

    return read


@lru_cache(maxsize=_KINDS)
def _lost(received: Figure | None, sent: Figure | None, loss: Figure | None) -> Callable[..., float | None]:
    """The device's own word, else a laser that sends and gets nothing; an empty cage is no alarm."""
    places = [at for at, figure in enumerate((received, sent, loss)) if figure]

    def read(*raw: Raw) -> float | None:
        row: list[Raw] = [None, None, None]
        for at, one in zip(places, raw, strict=True):
            row[at] = one
        light = received(row[0]) if received else None
        if light is None and (sent is None or sent(row[1]) is None):
            return None
        word = loss(row[2]) if loss else None
        if word is not None:
            return float(bool(word))
        return None if row[0] is None else float(light is None)

    return read


@lru_cache(maxsize=_KINDS)
def _figure(optic: Optic, convert: Figure) -> Figure:
    """One for all ports whose column it is."""

    def read(raw: Raw) -> float | None:
        return plausible(optic, convert(raw))

    return read
