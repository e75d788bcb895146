"""Stretches of time, and what readings say of them. Pure; all times are Unix seconds.

A reading holds until the next one of its series, at most HOLD seconds. Time that no reading speaks for is unknown: it
counts neither as up nor as down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

HOLD = 600.0

Span = tuple[float, float]  # begin ≤ t < end
Sample = tuple[float, float]  # time, value
Piece = tuple[float, float, float]  # begin, end, value: readings of one value in a row


def pieces(samples: Sequence[Sample], within: Span) -> list[Piece]:
    """Readings (in order of time) as stretches of one value each, cut to `within`. Gaps are left out."""
    found: list[Piece] = []
    for (at, value), (following, _) in pairwise([*samples, (float("inf"), 0.0)]):
        begin, end = max(at, within[0]), min(following, at + HOLD, within[1])
        if begin >= end:
            continue
        if found and found[-1][1] == begin and found[-1][2] == value:
            found[-1] = (found[-1][0], end, value)
        else:
            found.append((begin, end, value))
    return found


def together(series: Sequence[Sequence[Piece]]) -> Iterator[tuple[float, float, tuple[float | None, ...]]]:
    """Stretches in which no series changes, with the value of each; None where it is unknown."""
    edges = sorted({edge for one in series for piece in one for edge in piece[:2]})
    places = [0] * len(series)
    for begin, end in pairwise(edges):
        values: list[float | None] = []
        for number, one in enumerate(series):
            while places[number] < len(one) and one[places[number]][1] <= begin:
                places[number] += 1
            at = one[places[number]] if places[number] < len(one) else None
            values.append(at[2] if at and at[0] <= begin else None)
        yield begin, end, tuple(values)


def chosen(found: Iterable[tuple[float, float, bool | None]], wanted: bool) -> list[Span]:
    """The stretches of that truth, joined where they touch."""
    return union((begin, end) for begin, end, truth in found if truth is wanted)


def union(spans: Iterable[Span]) -> list[Span]:
    """In order, joined where they touch or overlap."""
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def minus(spans: Iterable[Span], without: Iterable[Span]) -> list[Span]:
    """What of `spans` lies in none of `without`."""
    left, gone = union(spans), union(without)
    found: list[Span] = []
    for begin, end in left:
        at = begin
        for cut_begin, cut_end in gone:
            if cut_end <= at or cut_begin >= end:
                continue
            if cut_begin > at:
                found.append((at, cut_begin))
            at = max(at, cut_end)
        if at < end:
            found.append((at, end))
    return found


def common(spans: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """What lies in both."""
    spans = union(spans)
    return minus(spans, minus(spans, others))


def total(spans: Iterable[Span]) -> float:
    """Seconds in all."""
    return sum(end - begin for begin, end in spans)


def judged(
    series: Sequence[Sequence[Piece]], truth: Callable[[tuple[float | None, ...]], bool | None]
) -> list[tuple[float, float, bool | None]]:
    """What `truth` says of every stretch in which no series changes."""
    return [(begin, end, truth(values)) for begin, end, values in together(series)]
