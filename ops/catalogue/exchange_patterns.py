"""Ranges of numbers as Asterisk's patterns."""

from __future__ import annotations

from collections.abc import Iterator


def patterns(numbers: str) -> list[str]:
    """A range `20100-20199` as the fewest Asterisk patterns that match exactly it: `_201XX`."""
    first, last = numbers.split("-")
    return [_pattern(prefix, len(first)) for prefix in _prefixes(int(first), int(last), 10 ** (len(first) - 1))]


def _prefixes(first: int, last: int, largest: int) -> Iterator[tuple[int, int, int]]:
    """(power of ten, first number in units of it, how many units follow without a carry), none above `largest`."""
    while first <= last:
        unit = 1
        while unit < largest and first % (unit * 10) == 0 and first + unit * 10 - 1 <= last:
            unit *= 10
        digit = first // unit % 10
        steps = min(9 - digit, (last - first + 1) // unit - 1)
        yield unit, first // unit, steps
        first += unit * (steps + 1)


def _pattern(part: tuple[int, int, int], digits: int) -> str:
    unit, head, steps = part
    free = len(str(unit)) - 1
    text = str(head).zfill(digits - free)
    last = text[-1] if steps == 0 else f"[{text[-1]}-{int(text[-1]) + steps}]"
    return f"_{text[:-1]}{'X' if (text[-1], steps) == ('0', 9) else last}{'X' * free}"
