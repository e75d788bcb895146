"""One figure of a report: its value, its unit, and where it came from. One that there is not says why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Unit = Literal["percent", "seconds", "minutes", "bit/s", "bytes", "dBm", "dB/day", "days", "count", "rupiah", "time"]

# why there is no figure; these stand in reports word by word, so each has its line in reports.po
NO_PROMETHEUS = "no Prometheus is declared (group monitoring in hosts.yml)"
SILENT = "Prometheus did not answer"
NOTHING_KEPT = "Prometheus keeps no readings of it for this time"
NO_LINK = "the office has no link"
TOO_SHORT = "no lasting trend: too little history, too small a move, or a mere step"


@dataclass(frozen=True, slots=True)
class Figure:
    """`source`: the number of its query in the appendix. `reason`: why `value` is None."""

    value: float | None
    unit: Unit
    source: str
    reason: str = ""

    @property
    def plain(self) -> dict[str, Any]:
        return {"value": self.value, "unit": self.unit, "source": self.source, "reason": self.reason}


@dataclass
class Sources:
    """The appendix: every query that figures of one report came from, numbered in the order of asking."""

    queries: dict[tuple[str, str], str] = field(default_factory=dict)

    def number(self, place: str, query: str) -> str:
        """`place`: prometheus, history or declared. The same query has the same number."""
        return self.queries.setdefault((place, query), f"Q{len(self.queries) + 1}")

    @property
    def plain(self) -> list[dict[str, str]]:
        return [{"id": number, "place": place, "query": query} for (place, query), number in self.queries.items()]
