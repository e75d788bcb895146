"""What Prometheus keeps of a period, asked once for all offices; every question is known by its text.

A Prometheus that does not answer is asked no more: `trouble` says why, and every figure that needs it says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporters.read import Value
from ops.errors import HostFailedError
from ops.reports.figure import NO_PROMETHEUS, SILENT
from ops.reports.period import Period
from ops.reports.spans import HOLD, Sample
from ops.system import http

SECONDS = 120.0  # of patience: a month of readings is a large question
PART = 8 * 86_400.0  # of readings asked for at a time

Key = tuple[str, str, str, str]  # metric, device, ifname, segment ("" where there is none)


@dataclass(frozen=True, slots=True)
class Readings:
    """`samples` by what they are of; `query`: the question that gives them."""

    query: str
    samples: Mapping[Key, list[Sample]]


class Measured:
    """`url`: of Prometheus, None when there is none."""

    def __init__(self, url: str | None) -> None:
        self._url = (url or "").rstrip("/")
        self.trouble = "" if url else NO_PROMETHEUS
        self._vectors: dict[str, list[Value]] = {}
        self._curves: dict[str, list[tuple[Mapping[str, str], list[Sample]]]] = {}

    def vector(self, query: str) -> list[Value]:
        """An instant query's values; none when there is trouble."""
        if query not in self._vectors:
            rows = self._ask("query", {"query": query})
            self._vectors[query] = [Value("", row["metric"], float(row["value"][1])) for row in rows]
        return self._vectors[query]

    def curve(
        self, selector: str, begin: float, end: float, step: float
    ) -> list[tuple[Mapping[str, str], list[Sample]]]:
        """A range query's series with their points."""
        asked = f"{selector} {begin} {end} {step}"
        if asked not in self._curves:
            words = {"query": selector, "start": str(begin), "end": str(end), "step": str(step)}
            rows = self._ask("query_range", words)
            self._curves[asked] = [(row["metric"], _points(row)) for row in rows]
        return self._curves[asked]

    def readings(self, selector: str, period: Period) -> Readings:
        """The very samples that Prometheus keeps of a period, and those that still hold when it begins."""
        begin, end = period.begin - HOLD, period.seen_until
        found: dict[Key, dict[float, float]] = {}
        at = begin
        while at < end and not self.trouble:
            until = min(at + PART, end)
            query = {"query": f"{selector}[{int(until - at) + 1}s]", "time": str(until)}
            for row in self._ask("query", query, "matrix"):
                found.setdefault(_key(row["metric"]), {}).update(_points(row))
            at = until
        shown = f"{selector}[{int(end - begin)}s] @ {int(end)}"
        return Readings(shown, {key: sorted(points.items()) for key, points in found.items()})

    def _ask(self, verb: str, words: Mapping[str, str], kind: str = "") -> list[dict[str, Any]]:
        if self.trouble:
            return []
        try:
            answer = http.get_json(f"{self._url}/api/v1/{verb}", words, SECONDS)
        except HostFailedError:
            self.trouble = SILENT
            return []
        wanted = kind or {"query": "vector", "query_range": "matrix"}[verb]
        if answer.get("status") != "success" or answer["data"]["resultType"] != wanted:
            self.trouble = SILENT
            return []
        rows: list[dict[str, Any]] = answer["data"]["result"]
        return rows


def _points(row: Mapping[str, Any]) -> list[Sample]:
    return [(float(at), float(value)) for at, value in row["values"]]


def _key(metric: Mapping[str, str]) -> Key:
    name, device, ifname, segment = (metric.get(one, "") for one in ("__name__", "device", "ifname", "segment"))
    return name, device, ifname, segment
