"""The facts of one office in one month: plain data that pages, PDF, Markdown and JSON all say the same of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ops.inventory.model import Opd, Region
from ops.reports.availability import Availability, availability, selector
from ops.reports.bandwidth import bandwidth
from ops.reports.figure import Figure, Sources
from ops.reports.kept import Facts, kept
from ops.reports.measured import Measured
from ops.reports.optics import optics
from ops.reports.outages import outages, restarts
from ops.reports.period import Period
from ops.reports.records import Records

FORMAT = "kominfo-ops monthly report 2"


def office(opd: Opd, region: Region, period: Period, measured: Measured, records: Records) -> Facts:
    """Everything of one office. `missing` names the figures that there are not, each with the reason."""
    sources = Sources()
    found: Facts = {
        **head(region, period),
        "kind": "opd",
        "opd": opd.code,
        "name": opd.name,
        "availability": _available(opd, period, measured, sources),
        "bandwidth": bandwidth(opd, period, measured, sources),
        "optics": optics(opd, period, measured, sources),
        **kept(opd, period, records, region, sources),
    }
    plain = as_plain(found)
    missing = list(_missing(plain, ""))
    return {**plain, "missing": missing, "state": _state(plain, missing), "sources": sources.plain}


def head(region: Region, period: Period) -> Facts:
    """What every document begins with. Times are Unix seconds."""
    return {
        "format": FORMAT,
        "region": region.name,
        "timezone": region.timezone,
        "period": period.name,
        "begin": period.begin,
        "end": period.end,
        "made": period.now,
        "over": period.over,
        "missing": [],
    }


def as_plain(value: Any) -> Any:
    """Figures as JSON values, however deep."""
    if isinstance(value, Figure):
        return value.plain
    if isinstance(value, dict):
        return {name: as_plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(one) for one in value]
    return value


def promised(opd: Opd) -> float | None:
    """Percent a month: the highest that one of its links promises; None without links."""
    return max((link.contract.availability for link in opd.links), default=None)


def _available(opd: Opd, period: Period, measured: Measured, sources: Sources) -> Facts:
    readings = measured.readings(selector(opd.code), period)
    found = availability(opd, period, readings)
    number = sources.number("prometheus", readings.query)
    figure = found.figure(number)
    if figure.value is None and measured.trouble and opd.links:
        figure = Figure(None, "percent", number, measured.trouble)
    listed = outages(opd, found, readings, restarts(measured, opd.code))
    return {
        "figure": figure,
        "promised": promised(opd),
        "state": _judged(figure, promised(opd)),
        "counted": Figure(found.counted, "seconds", number),
        "down": Figure(found.counted_down, "seconds", number),
        "unknown": Figure(found.unknown, "seconds", number),
        "maintenance": [str(window) for window in opd.maintenance],
        "planned": Figure(_planned(found), "seconds", sources.number("declared", f"{opd.line} maintenance")),
        "outages": [asdict(one) for one in listed],
        "source": number,
    }


def _planned(found: Availability) -> float:
    return sum(end - begin for begin, end in found.planned)


def _judged(figure: Figure, least: float | None) -> str:
    if least is None:
        return "absent"
    if figure.value is None:
        return "none"
    return "ok" if figure.value >= least else "bad"


def _missing(value: Any, above: str) -> Iterator[dict[str, str]]:
    """Figures without a value, and parts of which nothing was kept."""
    if isinstance(value, dict):
        if "unit" in value and value.get("value") is None:
            yield {"figure": above, "reason": value["reason"]}
        elif above in ("backups", "drills", "calls", "drift", "configurations") and value["state"] == "none":
            yield {"figure": above, "reason": "nothing was recorded in this time"}
        else:
            for name, one in value.items():
                yield from _missing(one, f"{above}.{name}" if above else name)
    elif isinstance(value, list):
        for one in value:
            yield from _missing(one, above)


def _state(found: Facts, missing: list[dict[str, str]]) -> str:
    if any(part["state"] == "bad" for part in found.values() if isinstance(part, dict) and "state" in part):
        return "bad"
    return "none" if missing else "ok"
