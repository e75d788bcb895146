"""Light of an office's links: mean and weakest of the period, and whether it falls for good (ops/fibre/trend.py)."""

from __future__ import annotations

from typing import Any

from ops.fibre.trend import DAY, trend
from ops.inventory.model import Link, Opd
from ops.reports.figure import NOTHING_KEPT, TOO_SHORT, Figure, Sources
from ops.reports.measured import Measured
from ops.reports.period import Period

RECEIVED = "opd_optical_receive_power_dbm"
HISTORY_DAYS, STEP = 90, DAY / 4  # as ops fibre status looks back


def optics(opd: Opd, period: Period, measured: Measured, sources: Sources) -> list[dict[str, Any]]:
    """One entry per link."""
    return [_link(link, period, measured, sources) for link in opd.links]


def _link(link: Link, period: Period, measured: Measured, sources: Sources) -> dict[str, Any]:
    return {
        "link": link.name,
        "mean": _over(link, "avg_over_time", period, measured, sources),
        "weakest": _over(link, "min_over_time", period, measured, sources),
        "slope": _slope(link, period, measured, sources),
    }


def _over(link: Link, function: str, period: Period, measured: Measured, sources: Sources) -> Figure:
    text = f"{function}({RECEIVED}{period.promql})"
    number = sources.number("prometheus", f"{text} of device={link.router}, ifname={link.ifname}")
    values = [one.value for one in measured.vector(text) if _is_of(one.labels, link)]
    if not values:
        return Figure(None, "dBm", number, measured.trouble or NOTHING_KEPT)
    return Figure(values[0], "dBm", number)


def _slope(link: Link, period: Period, measured: Measured, sources: Sources) -> Figure:
    end = period.seen_until
    begin = end - HISTORY_DAYS * DAY
    text = f"{RECEIVED}, every {int(STEP)} s from {int(begin)} to {int(end)}, Theil–Sen over daily medians"
    number = sources.number("prometheus", f"{text} of device={link.router}, ifname={link.ifname}")
    points = [points for labels, points in measured.curve(RECEIVED, begin, end, STEP) if _is_of(labels, link)]
    if not points:
        return Figure(None, "dB/day", number, measured.trouble or NOTHING_KEPT)
    found = trend(points[0])
    return Figure(found.slope, "dB/day", number) if found else Figure(None, "dB/day", number, TOO_SHORT)


def _is_of(labels: Any, link: Link) -> bool:
    return (labels.get("device"), labels.get("ifname")) == (link.router, link.ifname)
