"""Ways through a plant, light on them, and what a cut does: examples and properties."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.fibre import budget, cut, paths
from ops.inventory.load import load
from ops.inventory.model import FibreDrop, Plant, Region, Segment

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"


@pytest.fixture(scope="module")
def region() -> Region:
    return load(BATUBARA)


def segment(name: str, one: str, other: str, km: float = 1.0) -> Segment:
    return Segment.model_validate({"name": name, "between": (one, other), "km": km})


RING = (segment("a", "dc", "p", 5), segment("b", "p", "q", 5), segment("c", "q", "dc", 20))

plants = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(1, 50)).filter(lambda edge: edge[0] != edge[1]),
    min_size=1,
    max_size=14,
).map(lambda edges: tuple(segment(f"s{at}", f"n{one}", f"n{two}", km) for at, (one, two, km) in enumerate(edges)))


def test_shortest_goes_by_kilometres_not_by_segments() -> None:
    path = paths.Graph(RING).shortest("q", "dc")
    assert path is not None
    assert path.names == ("b", "a")
    assert path.km == 10


def test_shortest_avoids_what_is_cut() -> None:
    way_round = paths.Graph(RING, cut={"a"}).shortest("q", "dc")
    assert way_round is not None
    assert way_round.names == ("c",)
    assert paths.Graph(RING, cut={"a", "c"}).shortest("q", "dc") is None


def test_no_way_needed_where_one_stands() -> None:
    assert paths.Graph(()).shortest("dc", "dc") == paths.Path(("dc",))


@given(plants, st.data())
def test_shortest_joins_up_and_no_simple_walk_is_shorter(segments: tuple[Segment, ...], data: st.DataObject) -> None:
    cut_off = data.draw(st.sets(st.sampled_from([one.name for one in segments]), max_size=3))
    start, end = segments[0].between[0], segments[-1].between[1]
    path = paths.Graph(segments, cut_off).shortest(start, end)
    best = _by_relaxing(segments, cut_off, start).get(end, math.inf)
    if path is None:
        assert best == math.inf
        return
    assert path.km == best
    assert not set(path.names) & cut_off
    for (one, other), taken in zip(itertools.pairwise(path.nodes), path.segments, strict=True):
        assert {one, other} == set(taken.between)


def _by_relaxing(segments: tuple[Segment, ...], cut_off: set[str], start: str) -> dict[str, float]:
    """Kilometres to every node the slow and plain way (Bellman-Ford), to hold the fast one against."""
    km = {start: 0.0}
    for _ in range(9):
        for one in segments:
            if one.name not in cut_off:
                for near, far in (one.between, one.between[::-1]):
                    if near in km:
                        km[far] = min(km.get(far, math.inf), km[near] + one.km)
    return km


@given(plants)
def test_reachable_is_where_shortest_leads(segments: tuple[Segment, ...]) -> None:
    graph = paths.Graph(segments)
    start = segments[0].between[0]
    assert graph.reachable(start) == set(graph.shortest_from(start))


@given(plants, st.randoms())
def test_order_of_segments_never_matters(segments: tuple[Segment, ...], random: object) -> None:
    shuffled = list(segments)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    start = segments[0].between[0]
    assert paths.Graph(shuffled).shortest_from(start) == paths.Graph(segments).shortest_from(start)


def test_every_declared_ride_joins_up(region: Region) -> None:
    for opd in region.opds:
        for link in opd.links:
            assert paths.nominal(region.plant, link).nodes[-1] == paths.datacentre(region.plant)


def test_nominal_refuses_a_gap(region: Region) -> None:
    link = region.opd("kec-sei-suka").links[0]
    with pytest.raises(ValueError, match="does not begin at"):
        paths.nominal(region.plant, link.model_copy(update={"rides": ("r1-05", "r1-03")}))
    with pytest.raises(ValueError, match="not at the data centre"):
        paths.nominal(region.plant, link.model_copy(update={"rides": ("r1-05",)}))


def test_loss_adds_glass_splices_and_connectors() -> None:
    drop = FibreDrop.model_validate({"node": "p", "km": 2.0, "splices": 3, "connectors": 2})
    assert budget.loss([drop]) == pytest.approx(2 * 0.35 + 0.3 + 1.0)
    assert budget.loss([drop], 1550) == pytest.approx(2 * 0.22 + 0.3 + 1.0)


@given(plants)
def test_loss_of_a_path_is_the_sum_of_its_parts(segments: tuple[Segment, ...]) -> None:
    assert budget.loss(segments) == pytest.approx(sum(budget.loss([one]) for one in segments))


def test_a_long_way_gets_the_stronger_optics() -> None:
    assert budget.budget([segment("near", "a", "b", 10)]).optics is budget.LX
    far = budget.budget([segment("far", "a", "b", 60)])
    assert far.optics is budget.ZX
    assert far.received == pytest.approx(2.0 - 60 * 0.22 - 1.0)
    assert far.margin == pytest.approx(far.received + 26.0)


def test_every_link_of_the_regency_has_light_to_spare(region: Region) -> None:
    for opd in region.opds:
        for link in opd.links:
            assert budget.of_link(region.plant, link).margin >= budget.COMFORT_DB


def test_a_cut_detours_the_riders_and_no_one_else(region: Region) -> None:
    found = cut.effects(region, {"r1-02"})
    assert found["kec-air-putih/wan"].fate is cut.Fate.DETOUR
    assert found["dinkes/wan"].fate is cut.Fate.WHOLE
    way_round = found["kec-air-putih/wan"].path
    assert way_round is not None
    assert way_round.nodes[0] == "pop-air-putih"
    assert way_round.nodes[-1] == "dc"
    assert "r1-02" not in way_round.names


def test_two_cuts_around_a_pop_darken_it(region: Region) -> None:
    found = cut.effects(region, {"r1-01", "r1-02"})
    assert found["dinkes/wan"].fate is cut.Fate.DARK
    assert found["diskominfo/wan"].fate is cut.Fate.WHOLE  # its drop is the data centre itself


def test_route_agrees_with_effects(region: Region) -> None:
    gone = {"r1-02", "r2-05"}
    found = cut.effects(region, gone)
    for opd in region.opds:
        for link in opd.links:
            here, there = paths.route(region.plant, link, gone), found[f"{opd.code}/{link.name}"].path
            assert (here is None) == (there is None)
            if here and there:
                assert here.km == pytest.approx(there.km)


def test_plant_keeps_its_one_datacentre(region: Region) -> None:
    assert isinstance(region.plant, Plant)
    assert paths.datacentre(region.plant) == "dc"
