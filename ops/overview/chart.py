"""The map of the regency as shapes on a canvas: border, segments, offices folded by kecamatan, names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import cos, radians, sqrt
from statistics import median

from ops.overview.labels import Box, Label, Line, Wanted, place
from ops.overview.model import Glass, OfficeView, Overview, Place, SegmentView
from ops.overview.outline import Ring
from ops.overview.state import State, worst

WIDE, HIGH = 1000.0, 900.0
MARGIN = 60.0
NAME, LOUD = 24.0, 30.0  # height of letters: names of places, of what is cut
_LEAST, _MOST = 27.0, 40.0  # radius of a mark: two figures must stand in it
_SPAN = 0.02  # degrees that a map shows at least
_WRONG = {Glass.CUT, Glass.SUSPECT}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A segment as a line. `x`, `y`: its middle."""

    segment: SegmentView
    line: Line

    @property
    def x(self) -> float:
        return (self.line[0] + self.line[2]) / 2

    @property
    def y(self) -> float:
        return (self.line[1] + self.line[3]) / 2


@dataclass(frozen=True, slots=True)
class Mark:
    """The offices of a kecamatan. `up` of `count` are up; `dim`: offices that are up with little light."""

    kecamatan: str
    x: float
    y: float
    radius: float
    up: int
    count: int
    dim: int
    state: State


@dataclass(frozen=True, slots=True)
class Centre:
    """The data centre or the recovery centre."""

    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Chart:
    """`border`: path data · `labels`: keys `segment:<name>`, `mark:<kecamatan>`, `centre:<name>`."""

    border: str
    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]
    centres: tuple[Centre, ...]
    labels: tuple[Label, ...]


Projection = Callable[[Place], tuple[float, float]]
Words = Callable[[SegmentView], str]


def chart(made: Overview, border: Sequence[Ring], words: Words) -> Chart:
    """`words`: what stands beside a segment that is cut or suspect."""
    at = {node.name: node.location for node in made.nodes}
    on = projection([*(place for ring in border for place in ring), *at.values(), *_sites(made.offices)])
    stretches = tuple(
        Stretch(one, (*on(at[one.between[0]]), *on(at[one.between[1]])))
        for one in made.segments
        if set(one.between) <= at.keys()
    )
    marks = tuple(_marks(made, on))
    centres = tuple(
        Centre("DRC" if node.kind == "drc" else "DC", *on(node.location))
        for node in made.nodes
        if node.kind in {"datacentre", "drc"}
    )
    return Chart(_path(border, on), stretches, marks, centres, tuple(_labels(stretches, marks, centres, words)))


def projection(places: Iterable[Place]) -> Projection:
    """Degrees to the canvas, north up, equal lengths both ways."""
    known = list(places) or [(0.0, 0.0)]
    lats, lons = [place[0] for place in known], [place[1] for place in known]
    middle = ((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2)
    narrow = cos(radians(middle[0]))
    high, wide = max(max(lats) - min(lats), _SPAN), max((max(lons) - min(lons)) * narrow, _SPAN)
    scale = min((WIDE - 2 * MARGIN) / wide, (HIGH - 2 * MARGIN) / high)

    def on(place: Place) -> tuple[float, float]:
        x = WIDE / 2 + (place[1] - middle[1]) * narrow * scale
        return round(x, 1), round(HIGH / 2 - (place[0] - middle[0]) * scale, 1)

    return on


def _sites(offices: Iterable[OfficeView]) -> list[Place]:
    return [one.location for one in offices]


def _path(border: Iterable[Ring], on: Projection) -> str:
    return "".join("M" + "L".join("{} {}".format(*on(place)) for place in ring) + "Z" for ring in border)


def _marks(made: Overview, on: Projection) -> Iterable[Mark]:
    """One per kecamatan, at the node on which most of its links end; two never stand on one node."""
    groups: dict[str, list[OfficeView]] = {}
    for office in made.offices:
        if office.links:
            groups.setdefault(office.kecamatan, []).append(office)
    at, taken = {node.name: node.location for node in made.nodes}, set[str]()
    for kecamatan in sorted(groups, key=lambda name: (-len(groups[name]), name)):
        offices = groups[kecamatan]
        node = _node(offices, taken)
        taken.add(node)
        x, y = on(at.get(node) or _middle(offices))
        up = sum(one.up.state is State.OK for one in offices)
        dim = sum(one.up.state is State.OK and one.margin.state in {State.WARN, State.BAD} for one in offices)
        radius = min(_MOST, max(_LEAST, 20 + 3.2 * sqrt(len(offices))))
        yield Mark(kecamatan, x, y, radius, up, len(offices), dim, worst(one.up.state for one in offices))


def _node(offices: Sequence[OfficeView], taken: set[str]) -> str:
    """The node that most of these offices hang on and that nobody else's mark stands on; "" for none."""
    nodes = [link.node for one in offices for link in one.links]
    free = sorted(set(nodes) - taken, key=lambda name: (-nodes.count(name), name))
    return free[0] if free else ""


def _middle(offices: Sequence[OfficeView]) -> Place:
    return median(one.location[0] for one in offices), median(one.location[1] for one in offices)


def _labels(
    stretches: Sequence[Stretch], marks: Sequence[Mark], centres: Sequence[Centre], words: Words
) -> list[Label]:
    wanted = [
        Wanted(f"segment:{one.segment.name}", words(one.segment), one.x, one.y, 20, LOUD, 0, must=True)
        for one in stretches
        if one.segment.glass in _WRONG
    ]
    wanted += [
        Wanted(f"mark:{one.kecamatan}", one.kecamatan, one.x, one.y, one.radius, NAME, 1 + (one.state is State.OK))
        for one in marks
    ]
    wanted += [Wanted(f"centre:{one.name}", one.name, one.x, one.y, 14, NAME, 1) for one in centres]
    taken = [_around(one.x, one.y, one.radius + 3) for one in marks]
    taken += [_around(one.x, one.y, 14) for one in centres]
    taken += [_around(one.x, one.y, 18) for one in stretches if one.segment.glass in _WRONG]
    return place(wanted, taken, [one.line for one in stretches], Box(8, 8, WIDE - 8, HIGH - 8))


def _around(x: float, y: float, radius: float) -> Box:
    return Box(x - radius, y - radius, x + radius, y + radius)
