"""Texts, numbers, spans, rates and moments as people of a language write them. None is shown as a dash, never as 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Language = Literal["id", "en"]
NONE = "–"
_SPANS = {"id": ("hr", "j", "m", "s"), "en": ("d", "h", "m", "s")}
_SECONDS = (86400, 3600, 60, 1)
_RATES = ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"))
_BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_SMALL = 10  # below it, a figure after the decimal sign still tells something


@dataclass(frozen=True)
class Words:
    """`missing`: texts that were asked for and are in no .po file; for tests."""

    language: Language
    catalogue: Mapping[str, str] = field(repr=False)
    missing: set[str] = field(default_factory=set, repr=False, compare=False)

    def text(self, msg: str, /, **values: object) -> str:
        """A text in this language; `{name}` in it stands for a value."""
        said = self.catalogue.get(msg)
        if said is None:
            said = msg
            if self.language != "en":
                self.missing.add(msg)
        return said.format(**values) if values else said

    def count(self, one: str, many: str, n: int, /, **values: object) -> str:
        """A text that names a number: `count("{n} office", "{n} offices", 3)`."""
        if self.language == "en":
            return self.text(one if n == 1 else many, n=self.number(n), **values)
        return self.text(one, n=self.number(n), **values)

    def number(self, x: float | None, digits: int = 0) -> str:
        """1.234,5 in Indonesian, 1,234.5 in English."""
        if x is None:
            return NONE
        text = f"{x:,.{digits}f}"
        return text.translate(str.maketrans(",.", ".,")) if self.language == "id" else text

    def percent(self, share: float | None, digits: int = 0) -> str:
        """Of a share (0.5 is a half)."""
        return NONE if share is None else f"{self.number(share * 100, digits)} %"

    def span(self, seconds: float | None) -> str:
        """Its two largest units: 1 j 12 m, 45 s, 2 hr 3 j."""
        if seconds is None:
            return NONE
        left = max(0, round(seconds))
        parts: list[str] = []
        for unit, name in zip(_SECONDS, _SPANS[self.language], strict=True):
            count, left = divmod(left, unit)
            if count or parts:
                parts.append(f"{count} {name}" if count else "")
        shown = [part for part in parts[:2] if part]
        return " ".join(shown) or f"0 {_SPANS[self.language][-1]}"

    def ago(self, seconds: float | None) -> str:
        """12 s lalu, 12 s ago."""
        return NONE if seconds is None else f"{self.span(seconds)} {'lalu' if self.language == 'id' else 'ago'}"

    def rate(self, bps: float | None) -> str:
        """Of bits per second, in decimal units: 50 Mbit/s."""
        return self._scaled(bps, _RATES, "bit/s")

    def bytes(self, count: float | None) -> str:
        """In decimal units: 1,2 GB."""
        return self._scaled(count, _BYTES, "B")

    def time(self, at: float | None, zone: str, seconds: bool = False) -> str:
        """Of seconds since the epoch: 22 Nov 2026 13.05 WIB."""
        if at is None:
            return NONE
        moment = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
        return f"{self.date(moment.date())} {self._clock(moment, seconds)} {moment:%Z}"

    def clock(self, at: float | None, zone: str, seconds: bool = False) -> str:
        """Of seconds since the epoch, the time of day alone: 13.05."""
        return NONE if at is None else self._clock(datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)), seconds)

    def date(self, day: date | float | None, zone: str = "", form: str = "d MMM y") -> str:
        """Of a day, or of the day of a moment (seconds since the epoch) in that zone. `form`: CLDR's pattern."""
        from babel.dates import format_date  # noqa: PLC0415 # 0.05 s that pages without dates do not need

        if day is None:
            return NONE
        if not isinstance(day, date):
            day = datetime.fromtimestamp(day, UTC).astimezone(ZoneInfo(zone)).date()
        return format_date(day, form, locale=self.language)

    def _clock(self, moment: datetime, seconds: bool) -> str:
        sign = "." if self.language == "id" else ":"
        return moment.strftime(sign.join(["%H", "%M", *(["%S"] if seconds else [])]))

    def _scaled(self, value: float | None, units: tuple[tuple[float, str], ...], smallest: str) -> str:
        if value is None:
            return NONE
        for size, name in units:
            if abs(value) >= size:
                shown = value / size
                whole = abs(shown) >= _SMALL or shown == int(shown)
                return f"{self.number(shown, 0 if whole else 1)} {name}"
        return f"{self.number(value)} {smallest}"
