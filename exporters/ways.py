"""What echo says of the ways to an office, as lines of a page; labels are laid out once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

from exporters.collectors.contract import Port
from exporters.collectors.link import FIGURES
from exporters.metrics import label_pairs, labels_text, table
from exporters.sheet import BETWEEN, Filled
from ops.system.echo import Echo


class Ways:
    """`ports`: where the ways end, in the order in which they are measured."""

    def __init__(self, ports: Sequence[Port]) -> None:
        self._labels = [labels_text(label_pairs(next(iter(FIGURES)), port.labels)) for port in ports]

    def filled(self, ways: Sequence[Echo]) -> Filled:
        """The lines: no figure, no line."""
        names: list[str] = []
        labels: list[str] = []
        figures: list[str] = []
        for name in _names():
            for text, way in zip(self._labels, ways, strict=True):
                if (figure := FIGURES[name](way)) is not None:
                    names.append(name)
                    labels.append(text)
                    figures.append(f"{figure:.15g}")
        return Filled(sys.intern(BETWEEN.join(names)), tuple(labels), tuple(figures))


@cache
def _names() -> tuple[str, ...]:
    """In the table's order."""
    return tuple(name for name in table() if name in FIGURES)
