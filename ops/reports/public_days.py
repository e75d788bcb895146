"""Up and down of every office, day by day: days that are over are read from Prometheus once and then kept as files.

So the status page costs Prometheus one day each time, not ninety. A day that could not be read is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ops.inventory.model import Opd, Region
from ops.reports.availability import availability, selector
from ops.reports.files import put
from ops.reports.measured import Measured
from ops.reports.outages import Cause, outages, restarts
from ops.reports.period import Period
from ops.reports.spans import Span, union

FORMAT = "kominfo-ops day of offices 1"
SETTLED = 3600.0  # seconds after its end that a day is taken for complete

Told = dict[str, Any]  # office code → up: [[begin, end]], down: [[begin, end, cause]]


@dataclass(frozen=True)
class History:
    """All days together, by office code; `now` is where they end."""

    now: float
    days: Sequence[Mapping[str, Told]]

    def up(self, code: str) -> list[Span]:
        return union((begin, end) for day in self._of(code) for begin, end in day["up"])

    def down(self, code: str) -> list[Span]:
        return union((begin, end) for day in self._of(code) for begin, end, _ in day["down"])

    def outages(self, code: str) -> list[tuple[float, float, Cause]]:
        """Joined where one reaches over midnight; the first cause that is known."""
        found: list[tuple[float, float, Cause]] = []
        for begin, end, cause in sorted(part for day in self._of(code) for part in day["down"]):
            if found and found[-1][1] == begin:
                earlier = found[-1]
                found[-1] = (earlier[0], end, cause if earlier[2] in ("unknown", "maintenance") else earlier[2])
            else:
                found.append((begin, end, cause))
        return found

    def _of(self, code: str) -> Iterator[Told]:
        return (day[code] for day in self.days if code in day)


def history(region: Region, measured: Measured, folder: Path, now: float, days: int) -> History:
    """The last `days` days of every office until `now`. `folder`: where days that are over are kept."""
    found = [_day(region, measured, folder, period) for period in _periods(region.timezone, now, days)]
    return History(now, found)


def _periods(timezone: str, now: float, days: int) -> Iterator[Period]:
    zone = ZoneInfo(timezone)
    today = datetime.fromtimestamp(now, zone).date()
    for back in range(days, -1, -1):
        day = today - timedelta(days=back)
        begin, end = (datetime.combine(one, time(), zone).timestamp() for one in (day, day + timedelta(days=1)))
        yield Period(day.isoformat(), begin, end, now, zone)


def _day(region: Region, measured: Measured, folder: Path, period: Period) -> dict[str, Told]:
    path = folder / f"{period.name}.json"
    if kept := _kept(path):
        return kept
    found = {opd.code: _office(opd, measured, period) for opd in region.opds if opd.links}
    if not measured.trouble and period.now >= period.end + SETTLED:
        text = json.dumps({"format": FORMAT, "offices": found}, sort_keys=True)
        put(path, text.encode())
    return found


def _kept(path: Path) -> dict[str, Told]:
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(made["offices"]) if made.get("format") == FORMAT else {}


def _office(opd: Opd, measured: Measured, period: Period) -> Told:
    readings = measured.readings(selector(opd.code), period)
    found = availability(opd, period, readings)
    down = outages(opd, found, readings, restarts(measured, opd.code))
    return {
        "up": [list(span) for span in found.up],
        "down": [[one.begin, one.begin + one.seconds, one.cause] for one in down],
    }
