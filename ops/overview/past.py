"""What Prometheus recorded of one office: bandwidth and light over hours, days or a month, for charts and tables."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.errors import HostFailedError
from ops.system import http

SECONDS = 5.0  # of patience: a person waits
_CODE = re.compile(r"[a-z][a-z0-9-]{0,40}")
SPANS: Mapping[str, tuple[int, int]] = {
    "day": (86_400, 300),
    "week": (7 * 86_400, 1_800),
    "month": (30 * 86_400, 7_200),
}
_LINES = {
    "download": 'sum(rate(opd_interface_receive_bytes_total{{opd="{opd}"}}[{window}s])) * 8',
    "upload": 'sum(rate(opd_interface_transmit_bytes_total{{opd="{opd}"}}[{window}s])) * 8',
    "light": 'min(opd_optical_receive_power_dbm{{opd="{opd}"}})',
}


@dataclass(frozen=True)
class Past:
    """One value per `times` (epoch seconds, evenly apart); None where nothing was recorded. Bit/s, light in dBm."""

    times: tuple[int, ...]
    download: tuple[float | None, ...]
    upload: tuple[float | None, ...]
    light: tuple[float | None, ...]


def past(prometheus: str, opd: str, span: str, now: float) -> Past:
    """`span`: day, week or month. HostFailedError when Prometheus is silent; ValueError for what is no code."""
    if not _CODE.fullmatch(opd):
        raise ValueError(f"{opd!r} is no office's code")
    length, step = SPANS[span]
    end = int(now) // step * step
    times = tuple(range(end - length, end + 1, step))
    lines = {
        name: _line(prometheus, expression.format(opd=opd, window=max(step, 300)), times, step)
        for name, expression in _LINES.items()
    }
    return Past(times, **lines)


def _line(prometheus: str, expression: str, times: tuple[int, ...], step: int) -> tuple[float | None, ...]:
    query = {"query": expression, "start": str(times[0]), "end": str(times[-1]), "step": str(step)}
    answer: dict[str, Any] = http.get_json(f"{prometheus}/api/v1/query_range", query, SECONDS)
    if answer.get("status") != "success":
        raise HostFailedError(prometheus, f"Prometheus: {answer.get('error', 'no answer')}")
    rows = answer["data"]["result"]
    found = {int(float(at)): float(value) for at, value in rows[0]["values"]} if rows else {}
    return tuple(value if (value := found.get(at)) is not None and math.isfinite(value) else None for at in times)
