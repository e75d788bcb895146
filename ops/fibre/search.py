"""All minimal sets of causes that explain one incident: exact, by a search tree whose branches must each explain more.

A cause is a segment that is cut or a group of riders with troubles of their own (drop, power, port). Sets of causes are
bit masks. Every demand must be met: a dark node needs all its ways to the data centre cut, a rider with options needs
one of its segments cut; or else the demand's own group is to blame, at the cost of its riders. A node that is lit must
keep a way. Only ways that are still open are branched on, and nothing is visited twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Edge = tuple[int, int, int]  # node, node, the segment's bit

CENTRE = 0  # the node that everything is reached from
MOST_FOUND = 500  # sets of causes; where there are more, nobody reads them and what is seen says next to nothing


@dataclass(frozen=True, slots=True)
class Demand:
    """What must be explained. `node` (dark as long as it can be reached) or `options` (bits, one of which is cut).

    `own`: the bit that stands for trouble of its own, which counts as `cost` causes (one for each rider).
    """

    own: int
    cost: int
    node: int = -1
    options: int = 0


@dataclass
class Case:
    """One incident. Nodes are numbers, CENTRE among them; `lit`: nodes that have a way."""

    edges: list[Edge]
    demands: list[Demand]
    lit: frozenset[int]
    beside: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one, other, bit in self.edges:
            self.beside.setdefault(one, []).append((other, bit))
            self.beside.setdefault(other, []).append((one, bit))


@dataclass(frozen=True, slots=True)
class Found:
    """Minimal sets of causes, as masks. `exact` False: the search was cut short and there may be others."""

    masks: frozenset[int]
    exact: bool


class _TooMuchError(Exception):
    pass


class Search:
    """`most`: causes that a set may hold · `visits`: partial sets looked at before it gives up."""

    def __init__(self, case: Case, most: int, visits: int) -> None:
        self._case, self._most, self.left = case, most, visits
        self._visited: set[int] = set()
        self._found: set[int] = set()

    def run(self) -> Found:
        exact = True
        try:
            self._visit(0, 0)
        except _TooMuchError:
            exact = False
        return Found(frozenset(mask for mask in self._found if self._minimal(mask)), exact)

    def _visit(self, mask: int, cost: int) -> None:
        if mask in self._visited:
            return
        self._visited.add(mask)
        self.left -= 1
        if self.left < 0:
            raise _TooMuchError
        ways = ways_of(self._case, mask)
        if not all(node in ways for node in self._case.lit):
            return
        unmet = self._unmet_demands(mask, ways)
        if not unmet:
            self._found.add(mask)
            if len(self._found) > MOST_FOUND:
                raise _TooMuchError
        elif _at_least(unmet) <= self._most - cost:
            self._branch(mask, cost, unmet)

    def _branch(self, mask: int, cost: int, unmet: list[tuple[int, Demand]]) -> None:
        """Meet the demand with the fewest segments to choose from, in every way there is."""
        bits, demand = unmet[0]
        left = self._most - cost
        if left == 1:  # the last cause must meet all that is left
            for also, _ in unmet:
                bits &= also
        if demand.cost <= left and (left > 1 or len(unmet) == 1):
            self._visit(mask | demand.own, cost + demand.cost)
        for bit in _each(bits):
            self._visit(mask | bit, cost + 1)

    def _unmet_demands(self, mask: int, ways: dict[int, int]) -> list[tuple[int, Demand]]:
        """(segments of which one must be cut, demand), fewest segments first."""
        found = [
            (bits, demand)
            for demand in self._case.demands
            if not mask & demand.own and (bits := self._unmet(demand, mask, ways)) >= 0
        ]
        return sorted(found, key=lambda one: one[0].bit_count())

    def _unmet(self, demand: Demand, mask: int, ways: dict[int, int]) -> int:
        """Bits of which one must be cut to meet a demand; -1 when it is met."""
        if demand.node < 0:
            return -1 if mask & demand.options else demand.options
        return ways.get(demand.node, -1)

    def _minimal(self, mask: int) -> bool:
        """Whether every single cause is needed."""
        return not any(self._explains(mask & ~bit) for bit in _each(mask))

    def _explains(self, mask: int) -> bool:
        ways = ways_of(self._case, mask)
        return all(mask & demand.own or self._unmet(demand, mask, ways) < 0 for demand in self._case.demands)


def _each(mask: int) -> Iterator[int]:
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit


def ways_of(case: Case, mask: int, without: int = -1) -> dict[int, int]:
    """Every node that can be reached, with the segments (bits) of one way of fewest segments to it.

    Nothing leads through the node `without`.
    """
    ways = {CENTRE: 0}
    ahead = [CENTRE]
    for node in ahead:
        taken = ways[node]
        for other, bit in case.beside.get(node, ()):
            if other not in ways and not bit & mask and other != without:
                ways[other] = taken | bit
                ahead.append(other)
    return ways


def _at_least(unmet: list[tuple[int, Demand]]) -> int:
    """Causes that are needed at least: demands without a segment in common need one each."""
    taken = count = 0
    for bits, _ in unmet:
        if not bits & taken:
            taken |= bits
            count += 1
    return count


def forced(case: Case) -> int:
    """Own bits of the demands that no cut can meet, because something lit would go dark with it."""
    if not case.lit:
        return 0
    return sum(demand.own for demand in case.demands if not _can_be_cut(case, demand))


def _can_be_cut(case: Case, demand: Demand) -> bool:
    if demand.node >= 0:
        return case.lit <= ways_of(case, 0, without=demand.node).keys()
    return any(case.lit <= ways_of(case, bit).keys() for bit in _each(demand.options))


def search(case: Case, at_once: int, visits: int) -> Found:
    """Every minimal set of at most `at_once` causes; if there is none, every one of the smallest number there is.

    Demands that no cut can meet are not counted. When it takes more than `visits` steps: what was found until then.
    """
    case = Case(case.edges, case.demands, case.lit & ways_of(case, 0).keys())  # what never had a way proves nothing
    given = forced(case)
    left = [demand for demand in case.demands if not demand.own & given]
    rest = Case(case.edges, left, case.lit)
    most = at_once
    while True:
        looking = Search(rest, most, visits)
        found = looking.run()
        if found.masks or not found.exact:
            return Found(frozenset(mask | given for mask in found.masks), found.exact)
        most, visits = most + 1, looking.left
