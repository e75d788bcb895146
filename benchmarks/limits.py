"""What a benchmark may cost at most: whatever is over it is named, and the benchmark ends with 1."""

from __future__ import annotations

import sys


def over(*rows: tuple[str, float, float]) -> int:
    """`rows`: what, measured, at most. 0 when all keep to it."""
    found = [f"over the limit: {what} {value:.4g}, at most {most:g}" for what, value, most in rows if not value <= most]
    for line in found:
        print(line, file=sys.stderr)
    return bool(found)
