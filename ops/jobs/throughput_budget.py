"""How many bytes throughput tests may cost an office in a calendar month, and when they may run at all.

What a test can cost at most is taken off before it begins, so that one that crashes has paid; what it did not use is
given back when it ends.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ops.errors import OpsError, RefusedError, UsageError

FOLDER = "throughput"
BEGINS, ENDS, WORKDAYS = 7, 17, 5  # hours of the region's clock; Monday to Friday
_UNITS = {"k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


@dataclass(frozen=True)
class Budget:
    """Of one office. `now`: by the region's clock."""

    state: Path
    opd: str
    allowed: int  # bytes in a calendar month
    now: datetime

    @property
    def used(self) -> int:
        """Bytes of this month; a file that cannot be read is an OpsError, never a fresh budget."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return int(kept["bytes"]) if kept["month"] == self._month else 0
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError):
            raise OpsError(
                f"{self._file}: what was used this month cannot be read", "look at it, then remove it"
            ) from None

    def take(self, count: int) -> None:
        """RefusedError when so many bytes are not left."""
        left = self.allowed - self.used
        if count > left:
            raise RefusedError(
                f"{self.opd}: a test may cost {count} bytes, {max(0, left)} of {self.allowed} are left this month",
                "wait for the next month, test for fewer seconds, or raise `budget`",
            )
        self._keep(self.used + count)

    def give_back(self, count: int) -> None:
        self._keep(max(0, self.used - count))

    def _keep(self, count: int) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps({"month": self._month, "bytes": count}) + "\n", encoding="utf-8")
        fresh.replace(self._file)

    @property
    def _file(self) -> Path:
        return self.state / FOLDER / f"{self.opd}.json"

    @property
    def _month(self) -> str:
        return f"{self.now:%Y-%m}"


def size(text: str) -> int:
    """Bytes of `200M`, `2G`. UsageError for anything else."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "")
    if not number.isdigit():
        raise UsageError(f"budget {text!r} is not a number of bytes", "write for example 200M or 2G")
    return int(number) * _UNITS.get(unit, 1)


def need_quiet(now: datetime) -> None:
    """RefusedError in working hours: a test fills the office's line while it runs."""
    if now.weekday() < WORKDAYS and BEGINS <= now.hour < ENDS:
        raise RefusedError(
            f"working hours (Monday to Friday, {BEGINS}:00 to {ENDS}:00): the test would fill the line that people use",
            "wait for the evening, or allow it: hours=any",
        )
