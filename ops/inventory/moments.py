"""Typed times: maintenance windows of a week, moments of a calendar, the five fields of a schedule.

All are times on a wall clock of the region; which instants they are is for `ops.runs.windows` and `ops.runs.calendar`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from ops.inventory.document import PLACE_KEY

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60  # minutes

_DAY = f"({'|'.join(DAYS)})"
_SPAN = f"{_DAY}(-{_DAY})?"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
_WINDOW_FORM = rf"{_SPAN}(,{_SPAN})* {_CLOCK}-({_CLOCK}|24:00)"
_WINDOW = re.compile(_WINDOW_FORM, re.ASCII)
_MOMENT = re.compile(rf"20\d\d-\d\d-\d\d([ T]{_CLOCK})?", re.ASCII)
_CRON = re.compile(r"\S+( \S+){4}")


@dataclass(frozen=True, slots=True)
class Window:
    """Some hours of some days, every week. `days`: 0 is Monday. `begins`, `ends`: minutes after that day's midnight;
    `ends` is beyond 1440 when the window passes midnight."""

    text: str
    days: frozenset[int]
    begins: int
    ends: int

    def __str__(self) -> str:
        return self.text


def _window(value: object) -> Window:
    if not _WINDOW.fullmatch(str(value)):
        raise ValueError(f"{str(value)!r} is not a weekly window (write mon-fri 18:00-22:00 or sat,sun 00:00-24:00)")
    spans, _, clock = str(value).partition(" ")
    begins, ends = (_minutes(one) for one in clock.split("-"))
    if begins == ends:
        raise ValueError(f"{str(value)!r} ends as it begins (a whole day is 00:00-24:00)")
    days = frozenset(day for span in spans.split(",") for day in _days(span))
    return Window(str(value), days, begins, ends if ends > begins else ends + DAY)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _days(span: str) -> list[int]:
    """fri-mon passes the end of the week: Friday to Monday."""
    first, _, last = span.partition("-")
    start = DAYS.index(first)
    return [(start + step) % 7 for step in range((DAYS.index(last or first) - start) % 7 + 1)]


def _moment(value: object) -> str:
    if not _MOMENT.fullmatch(str(value)):
        raise ValueError(f"{str(value)!r} is not a date or a time (write 2026-12-20 or 2026-12-20 18:00)")
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value} is a day that no calendar has") from None
    return str(value)


def _cron(value: object) -> str:
    fields = " ".join(str(value).split())
    if not _CRON.fullmatch(fields):
        raise ValueError(
            f"{str(value)!r} is not five fields (minute hour day-of-month month day-of-week, as 0 1 * * *)"
        )
    return fields


def _args(value: object) -> object:
    return {key: inner for key, inner in value.items() if key != PLACE_KEY} if isinstance(value, dict) else value


def _text_or_texts(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise ValueError("one line of text or a list of such is wanted here")


_TEXT = {"type": ["string", "number"]}  # YAML may have read digits as a number, which is the same to us

WeeklyWindow = Annotated[
    Window,
    PlainValidator(_window),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": f"^{_WINDOW_FORM}$", "$comment": "as `mon-fri 18:00-22:00`"}),
]
Moment = Annotated[  # kept as written
    str,
    BeforeValidator(_moment),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{_MOMENT.pattern}$", "$comment": "as `2026-12-20` or `2026-12-20 18:00`"}
    ),
]
Cron = Annotated[  # fields with one blank between them
    str,
    BeforeValidator(_cron),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\S+(\s+\S+){4}\s*$", "$comment": "as `0 1 * * *`, in quotes"}),
]
Argument = Annotated[
    str | tuple[str, ...],
    PlainValidator(_text_or_texts),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]
Arguments = Annotated[dict[str, Argument], BeforeValidator(_args)]
