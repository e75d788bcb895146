"""Cut localisation: exact against brute force on small random plants; examples in the regency."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.fibre import riders as model
from ops.fibre.locate import AT_ONCE, Diagnosis, Explanation, locate
from ops.fibre.riders import Rider, Riders, Seen, Sight
from ops.inventory.load import load
from ops.inventory.model import Region

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
Causes = tuple[frozenset[str], frozenset[str]]  # (segments, riders with troubles of their own)


@pytest.fixture(scope="module")
def region() -> Region:
    return load(BATUBARA)


@pytest.fixture(scope="module")
def batubara(region: Region) -> Riders:
    return model.of_region(region)


@st.composite
def plants(draw: st.DrawFn) -> Riders:
    """Up to six nodes and eight segments, connected, with riders that follow a shortest way or are backbone ports."""
    count = draw(st.integers(2, 6))
    tree = [(draw(st.integers(0, at - 1)), at) for at in range(1, count)]
    more = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=3))
    ends = [*tree, *((one, other) for one, other in more if one != other)]
    segments = {f"s{at}": (f"n{one}", f"n{other}") for at, (one, other) in enumerate(ends)}
    bare = Riders("n0", segments, {name: 1.0 + at for at, name in enumerate(segments)})
    found = {}
    for at in range(draw(st.integers(1, 6))):
        node = draw(st.sampled_from([f"n{n}" for n in range(count)]))
        found[f"r{at}"] = Rider(node, _way(bare, node), draw(st.booleans()))
    return Riders(bare.centre, bare.segments, bare.km, found)


def _way(plant: Riders, node: str) -> frozenset[str]:
    """A way of fewest segments from a node to the centre."""
    ways: dict[str, frozenset[str]] = {plant.centre: frozenset()}
    ahead = [plant.centre]
    for at in ahead:
        for name, ends in plant.segments.items():
            if at in ends:
                other = ends[1] if at == ends[0] else ends[0]
                if other not in ways:
                    ways[other] = ways[at] | {name}
                    ahead.append(other)
    return ways[node]


def brute(plant: Riders, sights: Mapping[str, Sight]) -> set[Causes]:
    """Every minimal explanation, by trying all sets of segments."""
    consistent = {}
    for size in range(len(plant.segments) + 1):
        for cut in itertools.combinations(sorted(plant.segments), size):
            own = _needed(plant, frozenset(cut), sights)
            if own is not None:
                consistent[frozenset(cut)] = own
    return {
        (cut, own)
        for cut, own in consistent.items()
        if not any(other < cut and needed <= own for other, needed in consistent.items())
    }


def _needed(plant: Riders, cut: frozenset[str], sights: Mapping[str, Sight]) -> frozenset[str] | None:
    """Riders that must have troubles of their own if exactly these segments are cut; None if that cannot be."""
    lit, own = model.reachable(plant, cut), set()
    for name, rider in plant.riders.items():
        sight = sights.get(name, model.NOTHING)
        would = model.fate(rider, cut, lit)
        if sight.over & cut and sight.seen is not Seen.DARK:
            return None
        if sight.seen is Seen.WHOLE and would is not Seen.WHOLE:
            return None
        if sight.seen in {Seen.LIT, Seen.DETOUR} and would is Seen.DARK and (rider.protected or sight.seen is Seen.LIT):
            return None
        if (sight.seen is Seen.DARK and would is not Seen.DARK) or (sight.seen is Seen.DETOUR and would is Seen.WHOLE):
            own.add(name)
    return frozenset(own)


def together(found: Diagnosis) -> set[Causes]:
    """Every explanation of the whole plant: one of each incident, and what is certain anyway."""
    always = frozenset(found.own) | frozenset(found.rerouted)
    parts = [[(frozenset(e.segments), frozenset(e.own)) for e in incident.explanations] for incident in found.incidents]
    return {
        (frozenset().union(*(cut for cut, _ in chosen)), always.union(*(own for _, own in chosen)))
        for chosen in itertools.product(*parts)
    }


def seen_of(plant: Riders, cut: frozenset[str], data: st.DataObject) -> dict[str, Sight]:
    """What is seen after a cut: some of it not at all, some without knowing the way, some dark for other reasons."""
    sights = {}
    for name, would in model.predicted(plant, cut).items():
        doubt = data.draw(st.sampled_from(["", "", "", "unknown", "lit", "own"]), label=name)
        if doubt == "unknown":
            continue
        if doubt == "own" or would is Seen.DARK:
            sights[name] = Sight(Seen.DARK)
        else:
            traced = plant.riders[name].protected and data.draw(st.booleans(), label=f"way of {name}")
            over = _way(_without(plant, cut), plant.riders[name].node) if traced else frozenset()
            sights[name] = Sight(Seen.LIT if doubt == "lit" else would, over)
    return sights


def _without(plant: Riders, cut: frozenset[str]) -> Riders:
    whole = {name: ends for name, ends in plant.segments.items() if name not in cut}
    return Riders(plant.centre, whole, plant.km)


@settings(max_examples=400, deadline=None)
@given(plants(), st.data())
def test_it_finds_what_brute_force_finds(plant: Riders, data: st.DataObject) -> None:
    cut = data.draw(st.frozensets(st.sampled_from(sorted(plant.segments)), max_size=3))
    sights = seen_of(plant, cut, data)
    found, all_of_them = locate(plant, sights), brute(plant, sights)
    mine = together(found)
    assert mine <= all_of_them
    assert all(incident.exact for incident in found.incidents)
    certain = frozenset.intersection(*(own for _, own in all_of_them))
    least = min(len(cut) + len(own) for cut, own in all_of_them)
    assert least == min(len(cut) + len(own) for cut, own in mine)
    few = {(cut, own) for cut, own in all_of_them if len(cut) + len(own - certain) <= AT_ONCE}
    assert few <= mine


@settings(max_examples=200, deadline=None)
@given(plants(), st.data())
def test_every_cut_that_leaves_a_trace_is_named(plant: Riders, data: st.DataObject) -> None:
    cut = data.draw(st.frozensets(st.sampled_from(sorted(plant.segments)), min_size=1, max_size=AT_ONCE))
    missing = data.draw(st.sets(st.sampled_from(sorted(plant.riders))))
    sights = {n: Sight(seen) for n, seen in model.predicted(plant, cut).items() if n not in missing}
    named = set(locate(plant, sights).suspects)
    for one in cut:
        without = model.predicted(plant, cut - {one})
        if any(sights[name].seen is not without[name] for name in sights):
            assert one in named


@given(plants(), st.data())
def test_shares_are_likelihoods_and_what_is_unknown_changes_nothing(plant: Riders, data: st.DataObject) -> None:
    cut = data.draw(st.frozensets(st.sampled_from(sorted(plant.segments)), max_size=2))
    sights = seen_of(plant, cut, data)
    found = locate(plant, sights)
    for incident in found.incidents:
        assert sum(one.share for one in incident.explanations) == pytest.approx(1)
        assert all(0 < share <= 1 + 1e-9 for share in incident.suspects.values())
    told = {name: sights.get(name, model.NOTHING) for name in plant.riders}
    assert locate(plant, told) == found
    assert locate(plant, {**sights, "nobody/wan": Sight(Seen.DARK)}) == found


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_single_cut_in_the_regency_is_named_alone(batubara: Riders, data: st.DataObject) -> None:
    used = sorted(frozenset().union(*(rider.rides for rider in batubara.riders.values())))
    cut = data.draw(st.sampled_from(used))
    found = locate(batubara, _sights(batubara, cut))
    (incident,) = found.incidents
    assert incident.explanations[0].segments == (cut,)
    assert incident.suspects[cut] > 0.9
    assert found.own == ()


def _sights(plant: Riders, *cut: str) -> dict[str, Sight]:
    return {name: Sight(seen) for name, seen in model.predicted(plant, cut).items()}


def test_a_node_cut_off_on_both_sides(batubara: Riders) -> None:
    found = locate(batubara, _sights(batubara, "r1-02", "r1-03"))
    (incident,) = found.incidents
    assert [one.segments for one in incident.explanations] == [("r1-02", "r1-03")]
    assert len(incident.dark) == 3
    assert incident.behind_cut == incident.dark


def test_a_lone_dark_office_is_rather_without_power_than_cut_off_twice(batubara: Riders) -> None:
    (incident,) = locate(batubara, _sights(batubara, "r2-03", "r2-04")).incidents
    assert [one.segments for one in incident.explanations] == [(), ("r2-03", "r2-04")]
    assert incident.dark == ("kec-nibung-hangus/wan",)
    assert incident.behind_cut == ()


def test_an_office_without_power_is_told_from_a_cut(batubara: Riders) -> None:
    sights = {**_sights(batubara), "dinkes/wan": Sight(Seen.DARK)}
    found = locate(batubara, sights)
    assert (found.own, found.incidents) == (("dinkes/wan",), ())
    sights = {**_sights(batubara, "r1-03"), "dinkes/wan": Sight(Seen.DARK)}
    found = locate(batubara, sights)
    assert found.own == ("dinkes/wan",)
    assert next(iter(found.suspects)) == "r1-03"


def test_a_lone_office_at_the_end_leaves_both_possible() -> None:
    plant = Riders("dc", {"a": ("dc", "p")}, {"a": 10.0}, {"o/wan": Rider("p", frozenset("a"))})
    (incident,) = locate(plant, {"o/wan": Sight(Seen.DARK)}).incidents
    assert {(one.segments, one.own) for one in incident.explanations} == {(("a",), ()), ((), ("o/wan",))}


def test_a_backbone_port_speaks_for_its_segment() -> None:
    ring = {"a": ("dc", "p"), "b": ("p", "q"), "c": ("q", "dc")}
    ports = {f"p {name}": Rider("p", frozenset([name]), protected=False, own_km=1) for name in ring}
    links = {f"o{n}/wan": Rider("p", frozenset("a")) for n in range(3)}
    plant = Riders("dc", ring, dict.fromkeys(ring, 5.0), ports | links)
    sights = {name: Sight(Seen.LIT) for name in plant.riders} | {"p a": Sight(Seen.DARK)}
    (incident,) = locate(plant, sights).incidents
    assert incident.explanations[0] == Explanation(("a",), (), incident.explanations[0].share)
    sights["o0/wan"] = Sight(Seen.WHOLE)  # a port of its own: the segment carries light
    assert locate(plant, sights) == Diagnosis((), ("p a",), (), frozenset("abc"))


def test_an_unprotected_core_goes_dark_with_any_of_its_segments(batubara: Riders) -> None:
    riders = {**batubara.riders, "rsud/inti": Rider("pop-sei-balai", frozenset(["r2-01", "r2-02"]), protected=False)}
    plant = Riders(batubara.centre, batubara.segments, batubara.km, riders)
    found = locate(plant, _sights(plant, "r2-02"))
    assert found.incidents[0].dark == ("rsud/inti",)
    assert found.incidents[0].behind_cut == ("rsud/inti",)
    assert found.incidents[0].explanations[0].segments == ("r2-02",)


def test_packets_seen_on_their_way_round_clear_what_they_cross(batubara: Riders) -> None:
    only = {"kec-air-putih/wan": Sight(Seen.DETOUR, frozenset(["x-01", "r1-07", "r1-08", "r1-09"]))}
    found = locate(batubara, only)
    assert set(found.suspects) == {"r1-01", "r1-02", "r1-03"}
    with_power_cut = {**only, "kec-medang-deras/wan": Sight(Seen.DARK)}
    assert locate(batubara, with_power_cut).own == ("kec-medang-deras/wan",)  # packets cross its node
    clear = {**only, "dinkes/wan": Sight(Seen.WHOLE)}
    assert set(locate(batubara, clear).suspects) == {"r1-02", "r1-03"}


def test_nothing_is_blamed_while_all_is_well(batubara: Riders) -> None:
    assert locate(batubara, _sights(batubara)).suspects == {}
    assert locate(batubara, {}) == Diagnosis()


def test_everything_dark_is_answered_in_time_and_with_everybody(batubara: Riders) -> None:
    found = locate(batubara, {name: Sight(Seen.DARK) for name in batubara.riders})
    told = set(found.own).union(*(one.dark for one in found.incidents))
    assert told == set(batubara.riders)
    assert set(found.suspects) >= {"r1-01", "r1-09", "r2-01", "r2-06"}
