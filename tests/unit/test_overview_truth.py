"""Nothing is good that was not read just now: taking readings away, or letting them age, makes no figure better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from overview_rig import NOW, WANTED, Wrong, facts, own_text, ports_text

from ops.inventory.load import load
from ops.inventory.model import Region
from ops.overview import readings as r
from ops.overview.assemble import overview
from ops.overview.facts import Facts, Told
from ops.overview.model import Overview
from ops.overview.readings import Reading, Readings, parse
from ops.overview.state import Figure, State, goodness

ROOT = Path(__file__).parents[2]

SOURCES = ("ports", "own", "backups", "drills", "calls", "drift", "alerts", "runs")


@cache
def region() -> Region:
    """The demonstration regency with a few offices, so that each example is quick."""
    whole = load(ROOT / "inventories/batubara")
    kept = tuple(opd for opd in whole.opds if opd.code in {"dinkes", "diskominfo", "kec-talawi", "rsud"})
    return whole.model_copy(update={"opds": kept})


def states(thing: Any, path: str = "") -> Iterator[tuple[str, State]]:
    """Every state in an overview, by where it stands."""
    if isinstance(thing, State):
        yield path, thing
    elif isinstance(thing, Figure):
        yield path, thing.state
    elif is_dataclass(thing):
        for one in fields(thing):
            if one.name != "problems":
                yield from states(getattr(thing, one.name), f"{path}.{one.name}")
    elif isinstance(thing, tuple):
        for number, one in enumerate(thing):
            yield from states(one, f"{path}[{getattr(one, 'name', getattr(one, 'code', number))}]")


def no_better(after: Overview, before: Overview) -> list[str]:
    """Where the state is better than it was."""
    was = dict(states(before))
    return [
        f"{path}: {was[path]} → {state}"
        for path, state in states(after)
        if path in was and goodness(state) > goodness(was[path])
    ]


def wrongs() -> st.SearchStrategy[Wrong]:
    """A few offices dark, dim, busy; a segment cut."""
    codes = st.sampled_from(["dinkes", "diskominfo", "kec-talawi", "rsud"])
    return st.builds(
        Wrong,
        dark=st.frozensets(codes, max_size=2),
        silent=st.frozensets(codes, max_size=2),
        dbm=st.dictionaries(codes, st.floats(-40, 0)),
        cut=st.dictionaries(st.sampled_from(["r1-01", "r2-04"]), st.floats(0.01, 1), max_size=1),
        bps=st.dictionaries(codes, st.floats(0, 2e8)),
        days=st.dictionaries(codes, st.floats(0, 500)),
        phones=st.dictionaries(codes, st.integers(0, 6).map(float)),
        exchange=st.booleans(),
    )


def readings(wrong: Wrong) -> tuple[list[Reading], list[Reading]]:
    ports = list(parse(ports_text(region(), wrong), WANTED, NOW))
    return ports, list(parse(own_text(region(), wrong), WANTED, NOW))


def given_facts(wrong: Wrong, ports: Sequence[Reading], own: Sequence[Reading]) -> Facts:
    return replace(
        facts(region(), wrong),
        ports=Told(Readings.of(ports), NOW, ""),
        own=Told(Readings.of(own), NOW, ""),
    )


@settings(max_examples=30)
@given(wrongs(), st.data())
def test_no_figure_gets_better_when_readings_are_taken_away(wrong: Wrong, data: st.DataObject) -> None:
    ports, own = readings(wrong)
    whole = given_facts(wrong, ports, own)
    lost = data.draw(st.sets(st.integers(0, len(ports) + len(own) - 1)))
    left_ports = [one for at, one in enumerate(ports) if at not in lost]
    left_own = [one for at, one in enumerate(own) if at + len(ports) not in lost]
    gone = data.draw(st.sets(st.sampled_from(list(whole.rates))))
    rates = {port: rate for port, rate in whole.rates.items() if port not in gone}
    after = overview(region(), replace(given_facts(wrong, left_ports, left_own), rates=rates))
    assert no_better(after, overview(region(), whole)) == []


@settings(max_examples=20)
@given(wrongs(), st.sets(st.sampled_from(SOURCES), min_size=1))
def test_no_figure_gets_better_when_whole_sources_are_away(wrong: Wrong, gone: set[str]) -> None:
    whole = facts(region(), wrong)
    after = replace(whole, **{name: Told(why="away") for name in gone}, rates={} if "ports" in gone else whole.rates)
    assert no_better(overview(region(), after), overview(region(), whole)) == []


def test_nothing_is_good_where_nothing_was_read() -> None:
    found = {path for path, state in states(overview(region(), Facts(NOW))) if goodness(state)}
    assert found == set()


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_source_told_long_ago_is_good_no_more(source: str) -> None:
    """Whatever was good by this source alone is stale five minutes after it fell silent."""
    whole = facts(region())
    old = replace(getattr(whole, source), at=NOW - 300, why="no answer")
    if source in {"ports", "own"}:
        aged = [replace(one, at=NOW - 300) for ones in old.value.by_name.values() for one in ones]
        old = replace(old, value=Readings.of(aged))
    rates = {} if source == "ports" else whole.rates
    after = overview(region(), replace(whole, **{source: old}, rates=rates))
    without = overview(region(), replace(whole, **{source: Told(why="away")}, rates=rates))
    depends = {path for path, state in states(without) if goodness(state) == 0}
    assert [path for path, state in states(after) if goodness(state) and path in depends] == []


def test_everything_is_good_when_all_is_read_and_good() -> None:
    found = overview(region(), facts(region()))
    head = found.headline
    known = (head.offices, head.cut, head.phones, head.call, head.backup, head.coverage, head.rto, head.rpo, head.data)
    assert {one.state for one in known} == {State.OK}
    assert (head.offices.value, head.offices.limit) == (4, 4)
    assert not found.stale


RESTS_ON = {
    r.POLL_UP: lambda made: made.office("dinkes").up,
    r.PORT_UP: lambda made: made.office("dinkes").up,
    r.LIGHT: lambda made: made.office("dinkes").margin,
    r.NO_LIGHT: lambda made: made.office("dinkes").margin,
    r.LATENCY: lambda made: made.office("dinkes").links[0].latency,
    r.LOSS: lambda made: made.office("dinkes").links[0].latency,
    r.REGISTERED: lambda made: made.office("dinkes").phones,
    r.WHOLE: lambda made: made.headline.cut,
    r.JUDGED: lambda made: made.headline.cut,
}


@pytest.mark.parametrize("name", RESTS_ON)
def test_a_figure_is_good_only_with_every_reading_that_it_rests_on(name: str) -> None:
    ports, own = readings(Wrong())
    figure = RESTS_ON[name]
    assert figure(overview(region(), given_facts(Wrong(), ports, own))).state is State.OK
    left = [[one for one in ones if one.name != name] for ones in (ports, own)]
    assert figure(overview(region(), given_facts(Wrong(), *left))).state is State.UNKNOWN
