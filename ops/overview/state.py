"""How a figure stands, and the one rule of this room: nothing is good that was not read just now.

A figure is OK only when every reading that it rests on is there, fresh and good; BAD when one that is there is bad.
So taking readings away never makes a figure better. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from ops.texts import mark

NO_READING = mark("no reading")
TOO_OLD = mark("the last reading is too old")


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"  # nobody knows: not measured, or not known to be measured
    STALE = "stale"  # it was known once; the value is the last one


_WORST_FIRST = (State.BAD, State.STALE, State.UNKNOWN, State.WARN, State.OK)
_GOODNESS = {State.OK: 2, State.WARN: 1}


def goodness(state: State) -> int:
    """2 for ok, 1 for warn, 0 for everything else: bad, stale and unknown are not better than each other."""
    return _GOODNESS.get(state, 0)


def rank(state: State) -> int:
    """0 for what a person must look at first."""
    return _WORST_FIRST.index(state)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its age and its state.

    value   in the unit that the field's comment says; None is not known
    at      when it was read (seconds since the epoch); None when it never was
    why     for a person, what makes it other than ok; a marked text (`ops.texts.mark`), "" for ok
    limit   what it is measured against, in the same unit: the target, the contract, or n of "43 of n"
    """

    state: State = State.UNKNOWN
    value: float | None = None
    at: float | None = None
    why: str = NO_READING
    limit: float | None = None

    def age(self, now: float) -> float | None:
        """Seconds since it was read; None when it never was."""
        return None if self.at is None else max(0.0, now - self.at)


UNKNOWN = Figure()


def unknown(why: str, limit: float | None = None) -> Figure:
    return Figure(why=why, limit=limit)


def aged(figure: Figure, now: float, most: float) -> Figure:
    """The figure, STALE when it was read more than `most` seconds ago or in the future by as much."""
    if figure.at is None or figure.state is State.UNKNOWN or abs(now - figure.at) <= most:
        return figure
    return replace(figure, state=State.STALE, why=TOO_OLD)


def worst(states: Iterable[State]) -> State:
    """The one to look at first; UNKNOWN of none at all."""
    return min(states, key=rank, default=State.UNKNOWN)


def worst_of(figures: Iterable[Figure], key: Callable[[Figure], float] | None = None) -> Figure:
    """The figure to look at first; of equally bad ones the first by `key`."""
    return min(figures, key=lambda one: (rank(one.state), key(one) if key else 0.0), default=UNKNOWN)
