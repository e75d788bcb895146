"""Exporters' text is read as it is meant, whatever stands in it; problems come causes first."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from overview_rig import NOW, WANTED, Wrong, facts, told
from prometheus_client.parser import text_string_to_metric_families

from exporters.metrics import render, sample
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.overview import readings as r
from ops.overview.assemble import overview
from ops.overview.facts import Alert, Facts, Told
from ops.overview.model import Glass, Trouble
from ops.overview.readings import Readings, parse, rates
from ops.overview.state import State

ROOT = Path(__file__).parents[2]

PORT = {"opd": "dinkes", "site": "kantor", "device": "r", "ifname": "sfp1"}


@cache
def region() -> Region:
    return load(ROOT / "inventories/batubara")


@given(st.text(min_size=1), st.floats(allow_nan=False, allow_infinity=False))
def test_it_reads_what_the_clients_own_parser_reads(name: str, value: float) -> None:
    text = render([sample(r.LIGHT, PORT | {"ifname": name}, value), sample("opd_poll_retries", PORT, 3)])
    (mine,) = parse(text, WANTED, NOW)
    (theirs,) = [
        one for family in text_string_to_metric_families(text) for one in family.samples if one.name == r.LIGHT
    ]
    assert (dict(mine.labels), mine.value) == (theirs.labels, theirs.value)


@given(st.text())
def test_junk_is_passed_over(text: str) -> None:
    for one in parse(f"{r.PORT_UP}{text}\n{r.PORT_UP}{{{text}", WANTED, NOW):
        assert isinstance(one.value, float)


def test_what_is_no_number_is_no_reading() -> None:
    lines = f'{r.PORT_UP}{{device="a"}} NaN\n{r.PORT_UP}{{device="a"}} x\n{r.PORT_UP}{{device="a"}}\n{r.JUDGED} 5 123\n'
    assert [(one.name, one.value) for one in parse(lines, WANTED, NOW)] == [(r.JUDGED, 5)]


def counted(received: int, sent: int, at: float) -> Readings:
    made = render([sample(r.RECEIVED_BYTES, PORT, received), sample(r.SENT_BYTES, PORT, sent)])
    return Readings.of(parse(made, WANTED, at))


def test_use_is_what_counters_grew() -> None:
    found = rates(counted(1000, 500, NOW), counted(11_000, 500, NOW + 8))[("r", "sfp1")]
    assert (found.download, found.upload) == (10_000, 0)


def test_a_counter_that_fell_back_tells_nothing() -> None:
    found = rates(counted(1000, 500, NOW), counted(10, 900, NOW + 8))[("r", "sfp1")]
    assert found.download is None
    assert found.upload == 400


def test_causes_come_before_their_effects() -> None:
    behind = {opd.code for opd in region().opds if any(link.drop.node == "pop-talawi" for link in opd.links)}
    wrong = Wrong(
        dark=behind | {"damkar"}, cut={"r2-05": 0.97}, behind=dict.fromkeys(behind, "r2-05"), dbm={"bappeda": -21.0}
    )
    found = overview(region(), facts(region(), wrong)).problems
    assert [one.trouble for one in found[:3]] == [Trouble.CUT, Trouble.DOWN, Trouble.DIM]
    assert (found[0].subject, set(found[0].opds), found[0].dark) == ("r2-05", behind, len(behind))
    assert found[1].subject == "damkar"  # and none of those behind the cut
    assert sum(one.trouble is Trouble.DOWN for one in found) == 1


def test_routers_alone_show_a_cut_at_once() -> None:
    """Without the exporter's own judgement: all 22 offices of a node dark, all others lit."""
    behind = {opd.code for opd in region().opds if any(link.drop.node == "pop-limapuluh" for link in opd.links)}
    known = facts(region(), Wrong(dark=behind))
    made = overview(region(), Facts(known.now, ports=known.ports))
    assert {one.name for one in made.segments if one.glass is Glass.CUT} == {"r1-01", "r1-02"}
    assert made.problems[0].trouble is Trouble.CUT
    assert {*made.problems[0].opds} == behind


def test_alerts_date_problems_and_add_what_is_not_known_here() -> None:
    known = facts(region(), Wrong(cut={"r1-03": 0.9}))
    alerts = (
        Alert("FibreSegmentCut", "critical", {"segment": "r1-03"}, "", NOW - 900),
        Alert("WorkersDown", "critical", {}, "no worker", NOW - 60),
        Alert("OfficeBehindCut", "none", {"opd": "dinkes"}, "", NOW),
    )
    made = overview(region(), Facts(NOW, ports=known.ports, own=known.own, alerts=Told(alerts, NOW, "")))
    found = {one.subject: one for one in made.problems}
    assert found["r1-03"].since == NOW - 900
    assert found["WorkersDown"].state is State.BAD
    assert "OfficeBehindCut dinkes" not in found


def test_an_exchange_that_is_silent_is_named_once_also_when_its_alert_comes() -> None:
    known = facts(region())
    text = render([sample(r.EXCHANGE_UP, {"host": "dc-pbx"}, 0), sample(r.EXCHANGE_UP, {"host": "drc-pbx"}, 1)])
    alert = Alert("ExchangeSilent", "critical", {"host": "dc-pbx"}, "the same", NOW - 60)
    for alerts in ((), (alert,)):
        made = overview(region(), Facts(NOW, ports=known.ports, own=told(text), alerts=Told(alerts, NOW, "")))
        found = [one for one in made.problems if one.trouble is Trouble.ALERT]
        assert [(one.subject, one.state) for one in found] == [("ExchangeSilent dc-pbx", State.BAD)]


def test_nobody_measuring_comes_first_of_all() -> None:
    made = overview(region(), Facts(NOW + 600, ports=told("", NOW)))
    assert (made.problems[0].trouble, made.problems[0].state) == (Trouble.SOURCE, State.STALE)
    assert made.stale
