"""What the exporter tells of polling a device itself: one row of figures, laid out with the device's own series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from exporters.series import Series, series


class Own(NamedTuple):
    """Of one poll, in the order of `NAMES`."""

    up: bool
    seconds: float
    packets: int
    retries: int
    values: int
    discoveries: int
    walk_broken: bool


NAMES = {
    "up": "opd_poll_up",
    "seconds": "opd_poll_duration_seconds",
    "packets": "opd_poll_packets_sent",
    "retries": "opd_poll_retries",
    "values": "opd_poll_values",
    "discoveries": "opd_poll_discoveries",
    "walk_broken": "opd_poll_walk_broken",
}


def own_recipes(labels: Mapping[str, str]) -> list[Series]:
    """Recipes whose raw values are an `Own` that stands behind the device's values."""
    return [series(name, labels, [f"own.{field}"], _as_it_is, few=field != "seconds") for field, name in NAMES.items()]


def _as_it_is(value: float) -> float:
    return value
