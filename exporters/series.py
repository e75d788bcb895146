"""A series as a recipe: which raw values it is made of and what they mean. Made once per port, filled in every poll.

A collector that gives recipes (`Recipes`) is read without building anything per poll: the text of its series is laid
out once (`exporters.sheet`) and only the figures change. Recipes are pure functions of one poll's values.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from exporters.metrics import Sample, label_pairs

if TYPE_CHECKING:
    from exporters.collectors.contract import Port, Reading
    from ops.system.snmp import Held

EXACT = 2**53  # a double holds integers up to here exactly


@dataclass(frozen=True, slots=True)
class Series:
    """`value` takes the raw values of `oids` in their order, None for what the device does not have, and gives a finite
    number, or None for no sample. `labels`: pairs in the table's order. Without OIDs it is a constant. `few`: it is one
    function for many ports, whose raw values are mostly a few thousand: what it gave for them is remembered as text.
    """

    name: str
    labels: tuple[tuple[str, str], ...]
    oids: tuple[str, ...]
    value: Callable[..., float | None]
    few: bool = False


def series(
    name: str,
    labels: Mapping[str, str],
    oids: Iterable[str],
    value: Callable[..., float | None],
    *,
    few: bool = False,
) -> Series:
    """A recipe of a metric of the table. KeyError for a name or a label that the table does not hold."""
    return Series(name, _shared(label_pairs(name, labels)), tuple(map(sys.intern, oids)), value, few)


@lru_cache(maxsize=100)
def _shared(labels: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The same labels are one tuple: a port has dozens of series."""
    return labels


def count(raw: Held) -> int | None:
    """A device's counter as it is, as far as a double holds it exactly: Prometheus stores doubles."""
    return raw % EXACT if isinstance(raw, int) else None


class Recipes:
    """A collector whose series are recipes; OIDs and samples follow from them."""

    @abstractmethod
    def series(self, port: Port) -> Iterable[Series]:
        """Every series that this port may have."""

    def oids(self, port: Port) -> Iterator[str]:
        for one in self.series(port):
            yield from one.oids

    def samples(self, port: Port, reading: Reading) -> Iterator[Sample]:
        for one in self.series(port):
            value = one.value(*(reading.values.get(oid) for oid in one.oids))
            if value is not None:
                yield Sample(one.name, one.labels, value)
