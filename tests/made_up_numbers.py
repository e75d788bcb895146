"""The region's half of a made-up telephone system: trunks, classes, hours, codes. Every choice keeps the rules."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

Drawn = dict[str, Any]
KINDS = ("local", "national", "mobile", "international", "public", "premium")
EMERGENCY = ("110", "112", "113", "115", "118", "119")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,11}", fullmatch=True).filter(
    lambda name: name.casefold() not in {"none", "emergency"}
)


def some_names(most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(_NAMES, max_size=most, unique_by=str.casefold)


@st.composite
def trunks(draw: st.DrawFn) -> list[Drawn]:
    """Up to three, each with a block and addresses of its own; the first keeps channels for emergencies."""
    made: list[Drawn] = []
    for at, name in enumerate(draw(some_names(3))):
        kept = draw(st.integers(int(not at), 5))
        made.append(
            {
                "name": name,
                "provider": f"Penyedia {at}",
                "servers": [f"{draw(st.sampled_from(['10.90', '203.0']))}.{at}.{last}" for last in range(1, 2 + at)],
                "numbers": f"+6262241{at}000-+6262241{at}099",
                "channels": kept + draw(st.integers(1, 30)),
                "emergency_channels": kept,
                "dials": draw(st.sampled_from(["e164", "national"])),
                **({"user": "kominfo", "secret": f"trunk/t{at}"} if draw(st.booleans()) else {}),
            }
        )
    return made


@st.composite
def classes(draw: st.DrawFn) -> list[Drawn]:
    kinds = st.lists(st.sampled_from(KINDS), min_size=1, unique=True)
    return [
        {"name": name, "to": draw(kinds), "calls": draw(st.integers(1, 10)), "minutes": draw(st.integers(1, 1440))}
        for name in draw(some_names(3))
    ]


@st.composite
def _window(draw: st.DrawFn) -> str:
    """As `mon-fri,sun 07:30-16:00`; many end on the day after they begin."""
    spans = draw(
        st.lists(st.lists(st.sampled_from(_DAYS), min_size=1, max_size=2, unique=True), min_size=1, max_size=2)
    )
    begins, ends = draw(st.lists(st.integers(0, 1439), min_size=2, max_size=2, unique=True))
    until = "24:00" if begins and draw(st.integers(0, 5)) == 0 else f"{ends // 60:02}:{ends % 60:02}"
    return f"{','.join('-'.join(span) for span in spans)} {begins // 60:02}:{begins % 60:02}-{until}"


@st.composite
def hours(draw: st.DrawFn) -> list[Drawn]:
    windows = st.lists(_window(), min_size=1, max_size=3, unique=True)
    return [{"name": name, "open": draw(windows)} for name in draw(some_names(2))]


@st.composite
def holidays(draw: st.DrawFn) -> list[Drawn]:
    days = draw(st.lists(st.dates(date(2025, 1, 1), date(2029, 12, 31)), max_size=4, unique=True))
    return [{"day": day.isoformat(), "name": f"Libur {at}"} for at, day in enumerate(days)]


@st.composite
def codes(draw: st.DrawFn, ranges: list[range], digits: int, emergency: list[str]) -> list[str]:
    """Short codes that begin like nothing else that is dialled."""
    found: list[str] = []
    for code in draw(st.lists(st.from_regex(r"1[0-9]{1,6}|[2-8][0-9]{0,4}", fullmatch=True), max_size=4)):
        others = [*emergency, *found]
        if not any(code.startswith(one) or one.startswith(code) for one in others) and not _in(code, ranges, digits):
            found.append(code)
    return found


def _in(code: str, ranges: list[range], digits: int) -> bool:
    """Whether a number of a range is the beginning or the continuation of it."""
    least, most = int(code.ljust(digits, "0")[:digits]), int(code.ljust(digits, "9")[:digits])
    return any(numbers.start <= most and least < numbers.stop for numbers in ranges)
