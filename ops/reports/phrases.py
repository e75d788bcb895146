"""What reports say of their facts, in one language: figures with units, states, causes. Templates call it `p`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.texts import Words

STATES = {
    "ok": "as agreed",
    "bad": "NOT as agreed",
    "none": "no data",
    "absent": "does not apply",
}
CAUSES = {
    "fibre-cut": "fibre cut",
    "no-light": "no light on the office's fibre",
    "port": "the router's fibre port was down",
    "restart": "the router started anew: power, or the device itself",
    "maintenance": "maintenance in the office's own window",
    "unknown": "not known",
}
PARTS = {
    "availability": "Availability",
    "bandwidth": "Bandwidth against the contract",
    "optics": "Light on the fibre",
    "calls": "Test calls",
    "backups": "Backups",
    "drills": "Recovery drills",
    "drift": "Differences from the declarations",
    "configurations": "Configurations of routers",
}


@dataclass(frozen=True)
class Phrases:
    """`zone`: of the region."""

    words: Words
    zone: str

    def t(self, msg: str, **values: object) -> str:
        return self.words.text(msg, **values)

    def state(self, state: str) -> str:
        return self.t(STATES[state])

    def cause(self, outage: Mapping[str, Any]) -> str:
        said = self.t(CAUSES[outage["cause"]])
        return f"{said}: {outage['segment']}" if outage.get("segment") else said

    def missing(self, missing: Iterable[Mapping[str, str]]) -> list[str]:
        """One line per part and reason."""
        told = {(one["figure"].partition(".")[0], one["reason"]): None for one in missing}
        return [f"{self.t(PARTS[part])}: {self.t(reason)}" for part, reason in told]

    def figure(self, figure: Mapping[str, Any]) -> str:
        """With its unit; a dash where there is none (the reason stands among the missing figures)."""
        return self.value(figure["value"], figure["unit"])

    def value(self, value: float | None, unit: str) -> str:
        said = self._units.get(unit)
        return "–" if value is None else said(value) if said else f"{self.words.number(value, 2)} {unit}"

    @property
    def _units(self) -> Mapping[str, Callable[[float], str]]:
        words = self.words
        return {
            "percent": self.percent,
            "seconds": words.span,
            "minutes": lambda value: words.span(60 * value),
            "bit/s": words.rate,
            "bytes": words.bytes,
            "count": words.number,
            "rupiah": self.rupiah,
            "time": self.time,
            "dB/day": lambda value: f"{words.number(value, 3)} dB/{self.t('day')}",
        }

    def percent(self, percent: float | None, digits: int = 2) -> str:
        """Of a number that is in percent already. 99.999 is not shown as 100."""
        if percent is None:
            return "–"
        while percent < 100 and round(percent, digits) >= 100 and digits < 5:  # noqa: PLR2004 # the whole, and enough
            digits += 1
        return self.words.percent(percent / 100, digits)

    def rupiah(self, value: float | None) -> str:
        return "–" if value is None else f"Rp {self.words.number(value)}"

    def span(self, seconds: float | None) -> str:
        return self.words.span(seconds)

    def time(self, at: float | None) -> str:
        return self.words.time(at, self.zone)

    def month(self, at: float) -> str:
        """September 2026."""
        return self.words.date(at, self.zone, "MMMM y")

    def year(self, at: float) -> str:
        return self.words.date(at, self.zone, "y")
