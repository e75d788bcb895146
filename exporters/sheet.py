"""The text of one device's series, laid out once; every poll only fills in the figures.

A layout is kept for each set of series that had a value together (all of them, mostly). Its text is one format string
with the groups of lines of one metric apart, so that texts of many devices can be joined metric by metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from exporters.metrics import head, series_text, table
from exporters.series import Series
from ops.system.snmp import Held

APART = "\0"  # between the groups of lines of two metrics
MOST_LAYOUTS = 64  # of one device; one that flickers through more has them made anew


class Filled(NamedTuple):
    """`names`: the metrics of `text`, whose groups of lines are APART."""

    names: tuple[str, ...]
    text: str

    @property
    def groups(self) -> list[str]:
        """The lines of each metric of `names`."""
        return self.text.split(APART)


class Sheet:
    """Recipes bound to the places of their raw values in a poll's answer (`oids`: what it holds, in its order)."""

    def __init__(self, recipes: Iterable[Series], oids: Sequence[str]) -> None:
        rank = {name: at for at, name in enumerate(table())}
        self._recipes = sorted(recipes, key=lambda one: rank[one.name])
        place: dict[str, int] = {}
        for at, oid in enumerate(oids):
            place.setdefault(oid, at)
        read = [one for one in self._recipes if one.oids]
        single = [at for at, one in enumerate(read) if len(one.oids) == 1]
        several = [at for at, one in enumerate(read) if len(one.oids) > 1]
        self._pick = at_places([place[read[at].oids[0]] for at in single])
        self._convert = [read[at].value for at in single]
        self._several = [(read[at].value, at_places([place[oid] for oid in read[at].oids])) for at in several]
        self._sort = at_places([(single + several).index(at) for at in range(len(read))])
        self._layouts: dict[tuple[bool, ...] | None, tuple[tuple[str, ...], str]] = {}

    def fill(self, values: Sequence[Held]) -> Filled:
        """The text for one answer: None in `values` is what the device does not have."""
        made = [convert(raw) for convert, raw in zip(self._convert, self._pick(values), strict=True)]
        for value, pick in self._several:
            made.append(value(*pick(values)))
        found = self._sort(made)
        if None not in found:
            names, text = self._layouts.get(None) or self._lay_out(None)
            return Filled(names, text % found)
        there = tuple(value is not None for value in found)
        names, text = self._layouts.get(there) or self._lay_out(there)
        return Filled(names, text % tuple(value for value in found if value is not None))

    def _lay_out(self, there: tuple[bool, ...] | None) -> tuple[tuple[str, ...], str]:
        """Names and format string for these of the recipes that read something; constants are written out."""
        if len(self._layouts) >= MOST_LAYOUTS:
            self._layouts.clear()
        kept, at = [], 0
        for one in self._recipes:
            if one.oids:
                if there is None or there[at]:
                    kept.append(one)
                at += 1
            elif one.value() is not None:
                kept.append(one)
        groups = [(name, "".join(map(_line, ones))) for name, ones in groupby(kept, key=lambda one: one.name)]
        made = tuple(name for name, _ in groups), APART.join(text for _, text in groups)
        self._layouts[there] = made
        return made


def page(parts: Iterable[Filled]) -> str:
    """Prometheus text of many devices, or of one: every metric's lines together below its head, as the format wants."""
    columns: dict[str, list[str]] = {}
    by_names: dict[tuple[str, ...], list[list[str]]] = {}
    for one in parts:
        if one.names:
            by_names.setdefault(one.names, []).append(one.groups)
    for names, rows in by_names.items():
        for name, column in zip(names, zip(*rows, strict=True), strict=True):
            columns.setdefault(name, []).extend(column)
    return "".join(f"{head(name)}\n{''.join(columns[name])}" for name in table() if name in columns)


def _line(one: Series) -> str:
    """One line, its value still to be filled in. What a counter counts stays exact."""
    form = "%d" if table()[one.name].type == "counter" else "%.15g"
    begin = series_text(one.name, one.labels).replace("%", "%%")
    return f"{begin} {form if one.oids else form % one.value()}\n"


def at_places(places: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """What stands at these places, always as a tuple."""
    if not places:
        return lambda _: ()
    if len(places) == 1:
        only = places[0]
        return lambda row: (row[only],)
    return itemgetter(*places)
