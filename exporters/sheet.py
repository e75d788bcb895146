"""The text of one device's series, laid out once; every poll only fills in the figures.

A poll gives a row of figures as text; the row of labels beside it stays as long as the same series have a value. A page
joins the rows of many devices metric by metric, as the format wants it, without formatting anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from itertools import compress
from operator import itemgetter
from typing import Any, NamedTuple

from exporters.metrics import Sample, head, labels_text, table
from exporters.series import EXACT, Series, count
from ops.system.snmp import Held

MOST_LAYOUTS = 64  # of one device; one that flickers through more has them made anew
BETWEEN = "\n"  # of names: no metric has one in its name
_REMEMBERED = 4096  # texts of one recipe's figures
_RECIPES = 500  # whose texts are remembered
Text = Callable[..., str]  # of raw values; nothing for no sample
Shape = tuple[str, tuple[str, ...]]


class Filled(NamedTuple):
    """Lines of a page: `shape` holds the metric of each, in the table's order, in one text."""

    shape: str
    labels: tuple[str, ...]
    figures: tuple[str, ...]


class Sheet:
    """Recipes bound to the places of their raw values in a poll's answer (`oids`: what it holds, in its order)."""

    def __init__(self, recipes: Iterable[Series], oids: Sequence[str]) -> None:
        rank = {name: at for at, name in enumerate(table())}
        ranked = sorted(recipes, key=lambda one: rank[one.name])
        place: dict[str, int] = {}
        for at, oid in enumerate(oids):
            place.setdefault(oid, at)
        counters, ones, several, fixed = (_of_kind(ranked, kind) for kind in _Kind)
        self._counters = at_places([place[one.oids[0]] for one in counters.values()])
        self._pick = at_places([place[one.oids[0]] for one in ones.values()])
        self._texts = [_text(one) for one in ones.values()]
        self._several = [(_text(one), at_places([place[oid] for oid in one.oids])) for one in several.values()]
        self._fixed = [sys.intern(_text(one)()) for one in fixed.values()]
        order = [*counters, *ones, *several, *fixed]
        self._sort = at_places([order.index(at) for at in range(len(order))])
        self._whole: Shape = _shape(ranked)  # recipes themselves are not kept: a thousand devices have many
        self._shapes: dict[tuple[bool, ...], Shape] = {}

    def fill(self, values: Sequence[Held]) -> Filled:
        """The lines for one answer: None in `values` is what the device does not have."""
        # `count` and its text, written out: half of what a device tells are counters
        made = [str(raw % EXACT) if isinstance(raw, int) else "" for raw in self._counters(values)]
        made += [text(raw) for text, raw in zip(self._texts, self._pick(values), strict=True)]
        for text, pick in self._several:
            made.append(text(*pick(values)))
        figures = self._sort(made + self._fixed)
        if all(figures):
            return Filled(*self._whole, figures)
        there = tuple(map(bool, figures))
        shape, labels = self._shapes.get(there) or self._lay_out(there)
        return Filled(shape, labels, tuple(filter(None, figures)))

    def _lay_out(self, there: tuple[bool, ...]) -> Shape:
        """Names and labels of these of the recipes: those that gave a figure."""
        if len(self._shapes) >= MOST_LAYOUTS:
            self._shapes.clear()
        shape, labels = self._whole
        names = compress(shape.split(BETWEEN), there)
        self._shapes[there] = made = sys.intern(BETWEEN.join(names)), tuple(compress(labels, there))
        return made


def filled(samples: Iterable[Sample]) -> Filled:
    """The lines of samples that are made in another way."""
    rank = {name: at for at, name in enumerate(table())}
    made = sorted(samples, key=lambda one: rank[one.name])
    return Filled(*_shape(made), tuple(f"{one.value:.15g}" for one in made))


def _shape(lines: Sequence[Series | Sample]) -> Shape:
    """The names of lines as one text, the same object for all devices that are alike, and their labels."""
    names = sys.intern(BETWEEN.join(one.name for one in lines))
    return names, tuple(labels_text(one.labels) for one in lines)


def page(parts: Iterable[Filled]) -> str:
    """Prometheus text of many devices, or of one: every metric's lines together below its head, as the format wants."""
    alike: dict[str, list[Filled]] = {}
    for one in parts:
        alike.setdefault(one.shape, []).append(one)
    told: dict[str, list[str]] = {}
    for shape, ones in alike.items():
        if shape:
            columns = zip(*(one.labels for one in ones), strict=True), zip(*(one.figures for one in ones), strict=True)
            for name, labels, figures in zip(shape.split(BETWEEN), *columns, strict=True):
                told.setdefault(name, []).extend(_lines(name, labels, figures))
    pieces: list[str] = []
    for name in table():
        if name in told:
            pieces += (head(name), *told[name], "\n")
    return "".join(pieces)  # at once: texts of hundreds of kB in between would cost more than all the rest


def _lines(name: str, labels: Sequence[str], figures: Sequence[str]) -> list[str]:
    """One metric's lines in pieces, each with the end of the line before it."""
    pieces = [f"\n{name}"] * (3 * len(labels))
    pieces[1::3] = labels
    pieces[2::3] = figures
    return pieces


class _Kind(Enum):
    """How a recipe is read."""

    COUNTER = "a counter told as it is"
    ONE = "one raw value"
    SEVERAL = "several raw values"
    FIXED = "none"

    @classmethod
    def of(cls, one: Series) -> _Kind:
        if one.value is count:
            return cls.COUNTER
        return cls.FIXED if not one.oids else cls.ONE if len(one.oids) == 1 else cls.SEVERAL


def _of_kind(recipes: Sequence[Series], kind: _Kind) -> dict[int, Series]:
    """These recipes by their places."""
    return {at: one for at, one in enumerate(recipes) if _Kind.of(one) is kind}


def _text(one: Series) -> Text:
    """A recipe's figure as text."""
    if table()[one.name].type == "counter":
        return _counted(one.value)
    return _remembered(one.value) if one.few else _measured(one.value)


def _counted(value: Callable[..., float | None]) -> Text:
    """What a counter counts stays exact."""

    def text(*raw: Held) -> str:
        count = value(*raw)
        return "" if count is None else str(int(count))

    return text


def _measured(value: Callable[..., float | None]) -> Text:
    def text(*raw: Held) -> str:
        figure = value(*raw)
        return "" if figure is None else f"{figure:.15g}"

    return text


@lru_cache(maxsize=_RECIPES)
def _remembered(value: Callable[..., float | None]) -> Text:
    """The same for what many ports say alike, worked out once for all of them."""
    return lru_cache(maxsize=_REMEMBERED)(_measured(value))


def at_places(places: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """What stands at these places, always as a tuple."""
    if not places:
        return lambda _: ()
    if len(places) == 1:
        only = places[0]
        return lambda row: (row[only],)
    return itemgetter(*places)
