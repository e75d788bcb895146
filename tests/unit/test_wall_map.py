"""The wall's map: north is up, names cover nothing, what is wrong is named."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from overview_rig import Wrong, facts

from ops.inventory.load import load
from ops.inventory.model import Region
from ops.overview.assemble import overview
from ops.overview.chart import HIGH, WIDE, Chart, chart, projection
from ops.overview.labels import Box, Wanted, crosses, place
from ops.overview.model import SegmentView
from ops.overview.state import State

ROOT = Path(__file__).parents[2]

FRAME = Box(0, 0, 1000, 900)


@cache
def region() -> Region:
    return load(ROOT / "inventories/batubara")


def drawn(wrong: Wrong) -> Chart:
    return chart(overview(region(), facts(region(), wrong)), (), _words)


def _words(segment: SegmentView) -> str:
    return f"{segment.name} PUTUS"


@st.composite
def crowds(draw: st.DrawFn) -> list[Wanted]:
    spots = draw(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 900)), min_size=1, max_size=40))
    return [
        Wanted(f"n{at}", "x" * draw(st.integers(2, 20)), x, y, 20, 24, draw(st.integers(0, 2)))
        for at, (x, y) in enumerate(spots)
    ]


@given(crowds())
def test_no_name_covers_another_or_leaves_the_frame(wanted: list[Wanted]) -> None:
    taken = [Box(one.x - 20, one.y - 20, one.x + 20, one.y + 20) for one in wanted]
    labels = place(wanted, taken, [], FRAME)
    assert not any(one.box.meets(other.box) for one, other in combinations(labels, 2))
    assert not any(one.box.meets(box) for one in labels for box in taken)
    assert all(one.box.within(FRAME) for one in labels)
    assert place(list(reversed(wanted)), list(reversed(taken)), [], FRAME) == labels  # in any order the same


def test_a_name_that_must_stand_is_placed_in_any_crowd() -> None:
    crowd = [Box(x, y, x + 50, y + 50) for x in range(0, 1000, 50) for y in range(0, 900, 50)]
    cut = Wanted("segment:r1", "r1 PUTUS", 500, 450, 20, 30, 0, must=True)
    assert [one.wanted for one in place([cut, Wanted("mark:a", "a", 500, 450, 20, 24, 1)], crowd, [], FRAME)] == [cut]


def test_lines_are_seen_to_cross() -> None:
    assert crosses(Box(10, 10, 20, 20), (0, 0, 30, 30))
    assert not crosses(Box(10, 10, 20, 20), (0, 0, 30, 5))
    assert crosses(Box(10, 10, 20, 20), (15, 0, 15, 40))


def test_north_is_up_and_east_is_right() -> None:
    on = projection([(3.0, 99.0), (4.0, 100.0)])
    south_west, north_east = on((3.0, 99.0)), on((4.0, 100.0))
    assert south_west[0] < north_east[0]
    assert south_west[1] > north_east[1]
    assert all(0 <= x <= WIDE and 0 <= y <= HIGH for x, y in (south_west, north_east))


def test_the_demonstration_has_every_name_on_it() -> None:
    found = drawn(Wrong(cut={"r1-08": 0.9, "r2-03": 0.8}))
    names = {label.wanted.key for label in found.labels}
    assert {f"mark:{opd.kecamatan}" for opd in region().opds} <= names
    assert {"segment:r1-08", "segment:r2-03", "centre:DC", "centre:DRC"} <= names
    assert not any(one.box.meets(other.box) for one, other in combinations(found.labels, 2))


def test_offices_fold_by_kecamatan() -> None:
    marks = {one.kecamatan: one for one in drawn(Wrong(dark={"kec-talawi"}, dbm={"dinkes": -21.5})).marks}
    talawi, centre = marks["Talawi"], marks["Lima Puluh"]
    assert (talawi.up, talawi.state) == (talawi.count - 1, State.BAD)
    assert centre.dim == 1
    assert sum(one.count for one in marks.values()) == sum(bool(opd.links) for opd in region().opds)
