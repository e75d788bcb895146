"""Use of an office's contract: mean, 95th percentile, highest, saturated minutes, volume; both directions.

From the series that exporters/rules/bandwidth.yml records (docs/measuring.md). A sample at t speaks for the time
before it, so the samples of a period are those of begin < t ≤ end.
"""

from __future__ import annotations

from typing import Any

from ops.inventory.model import Opd
from ops.reports.figure import NO_LINK, NOTHING_KEPT, Figure, Sources, Unit
from ops.reports.measured import Measured
from ops.reports.period import Period

WAYS = {"receive": "download", "transmit": "upload"}
_FIELDS: dict[str, tuple[str, str, Unit]] = {  # what: function, recorded series, unit
    "mean": ("avg_over_time({})", "opd:{}_bits:rate5m", "bit/s"),
    "p95": ("quantile_over_time(0.95, {})", "opd:{}_bits:rate5m", "bit/s"),
    "highest": ("max_over_time({})", "opd:{}_bits:rate5m", "bit/s"),
    "saturated": ("sum_over_time({})", "opd:{}_saturated:minutes1h", "minutes"),
    "volume": ("sum_over_time({})", "opd:{}_bytes:increase1h", "bytes"),
}


def bandwidth(opd: Opd, period: Period, measured: Measured, sources: Sources) -> dict[str, Any]:
    """By direction (download, upload): contract, its figures, and the 95th percentile against the contract."""
    return {contract: _way(opd, way, period, measured, sources) for way, contract in WAYS.items()}


def query(field: str, way: str, period: Period) -> str:
    """PromQL over exactly the period, of all offices."""
    function, record, _ = _FIELDS[field]
    return function.format(record.format(way) + period.promql)


def _way(opd: Opd, way: str, period: Period, measured: Measured, sources: Sources) -> dict[str, Any]:
    contract = sum(getattr(link.contract, WAYS[way]) for link in opd.links)
    figures = {field: _figure(opd, field, way, period, (measured, sources)) for field in _FIELDS}
    return {
        "contract": Figure(
            contract or None, "bit/s", sources.number("declared", f"{opd.line} links[].contract"), NO_LINK
        ),
        **figures,
        "use": _use(figures["p95"], contract),
    }


def _figure(opd: Opd, field: str, way: str, period: Period, asked: tuple[Measured, Sources]) -> Figure:
    measured, sources = asked
    text = query(field, way, period)
    values = [one.value for one in measured.vector(text) if one.labels.get("opd") == opd.code]
    number, unit = sources.number("prometheus", f"{text} of opd={opd.code}"), _FIELDS[field][2]
    if values:
        return Figure(values[0], unit, number)
    return Figure(None, unit, number, measured.trouble or NOTHING_KEPT)


def _use(p95: Figure, contract: int) -> Figure:
    if p95.value is None or not contract:
        return Figure(None, "percent", p95.source, p95.reason or NO_LINK)
    return Figure(100 * p95.value / contract, "percent", p95.source)
