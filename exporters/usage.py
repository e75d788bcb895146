"""What an office used of its contract in a calendar month, by the region's clock, from what Prometheus recorded.

Hourly sums and the samples of five minutes are kept by exporters/rules/bandwidth.yml.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from exporters.read import query

FIELDS = {
    "received_bytes": ("sum_over_time", "opd:receive_bytes:increase1h"),
    "sent_bytes": ("sum_over_time", "opd:transmit_bytes:increase1h"),
    "receive_p95_bps": ("quantile_over_time", "opd:receive_bits:rate5m"),
    "transmit_p95_bps": ("quantile_over_time", "opd:transmit_bits:rate5m"),
    "receive_peak_bps": ("max_over_time", "opd:receive_bits:max1h"),
    "transmit_peak_bps": ("max_over_time", "opd:transmit_bits:max1h"),
    "receive_saturated_minutes": ("sum_over_time", "opd:receive_saturated:minutes1h"),
    "transmit_saturated_minutes": ("sum_over_time", "opd:transmit_saturated:minutes1h"),
}


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes, bits per second and minutes of one office in one month; None where nothing was recorded."""

    received_bytes: float | None = None
    sent_bytes: float | None = None
    receive_p95_bps: float | None = None
    transmit_p95_bps: float | None = None
    receive_peak_bps: float | None = None
    transmit_peak_bps: float | None = None
    receive_saturated_minutes: float | None = None
    transmit_saturated_minutes: float | None = None


def month(prometheus: str, year: int, number: int, timezone: str) -> dict[str, Usage]:
    """By office code. Prometheus must keep its recorded series for so long. HostFailedError when it refuses."""
    found: dict[str, dict[str, float]] = {}
    for field, (function, record) in FIELDS.items():
        for opd, value in query(prometheus, expression(function, record, year, number, timezone)).items():
            found.setdefault(opd, {})[field] = value
    return {opd: Usage(**fields) for opd, fields in found.items()}


def expression(function: str, record: str, year: int, number: int, timezone: str) -> str:
    """PromQL over exactly that month."""
    zone = ZoneInfo(timezone)
    begin = datetime(year, number, 1, tzinfo=zone).timestamp()
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone).timestamp()
    share = "0.95, " if function == "quantile_over_time" else ""
    return f"{function}({share}{record}[{int(end - begin)}s] @ {int(end)})"
