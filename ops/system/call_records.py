"""Who called whom, kept as briefly as the law allows (27/2022 on personal data): full for some weeks, then without the
last digits, then gone. Runs on an exchange, from its own records (cdr_csv); standard library only.

Asterisk opens its file anew for every call, so the file is moved away first, and what is kept lies beside it.
"""

from __future__ import annotations

import csv
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

FRESH, TAKEN, KEPT = "Master.csv", "Master.taken", "kept.csv"
_START = 9  # of the columns: when the call began, in UTC
_NUMBERS, _NAMES = (1, 2, 5, 6), (4, 8)  # caller, called and both channels; caller ID with a name, the last application
_DAY = 86400.0
_LAST_DIGITS = re.compile(r"(\d*?)(\d{1,3})(?![\dx])")

Row = Sequence[str]


def mask(text: str) -> str:
    """Every number without its last three digits; what is masked already stays as it is."""
    return _LAST_DIGITS.sub(lambda found: found[1] + "x" * len(found[2]), text)


def masked(row: Row) -> list[str]:
    """A record without its persons: numbers lose their last digits, names and arguments go."""
    shown = [mask(value) if at in _NUMBERS else value for at, value in enumerate(row)]
    return ["" if at in _NAMES else value for at, value in enumerate(shown)]


def aged(rows: Iterable[Row], now: float, full_days: float, kept_days: float) -> Iterator[list[str]]:
    """What may still be kept at `now` (Unix time) of records, and how. One whose time can not be read is masked."""
    for row in rows:
        days = (now - _began(row)) / _DAY
        if days <= full_days:
            yield list(row)
        elif days <= kept_days or days == float("inf"):
            yield masked(row)


def keep(folder: str, full_days: float, kept_days: float) -> dict[str, int]:
    """Bring the records of a folder to their age. How many there were new, are kept, are masked of them, went."""
    place = Path(folder)
    taken, kept = place / TAKEN, place / KEPT
    if not taken.exists() and (place / FRESH).exists():
        (place / FRESH).rename(taken)
        time.sleep(1)  # a record that is just being written goes there, too
    new, old = _read(taken), _read(kept)
    every = old if new and old[-len(new) :] == new else old + new  # taken up already, when the last run was cut off
    left = list(aged(every, time.time(), full_days, kept_days))
    if left != old:
        _write(kept, left)
    taken.unlink(missing_ok=True)
    hidden = sum(row == masked(row) for row in left)
    return {"new": len(new), "kept": len(left), "masked": hidden, "gone": len(every) - len(left)}


def _began(row: Row) -> float:
    try:
        return datetime.strptime(row[_START], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except (ValueError, IndexError):
        return float("-inf")


def _read(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return [row for row in csv.reader(line.replace("\0", "") for line in file) if row]
    except FileNotFoundError:
        return []


def _write(path: Path, rows: Iterable[Row]) -> None:
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
