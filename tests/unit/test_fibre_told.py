"""Nobody is held back for a cut that is not told: what the exporter says of generated plants."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fibre_farm import Told as Plant
from fibre_farm import farm, spur, wild
from hypothesis import given
from hypothesis import strategies as st
from overview_rig import NOW

from ops.inventory.load import load
from ops.overview.assemble import overview
from ops.overview.facts import Alert, Facts, Told
from ops.overview.glass import Judged, segments
from ops.overview.model import Glass

SUSPECT, LIKELIEST, BEHIND = "opd_fibre_segment_suspect", "opd_fibre_segment_likeliest", "opd_fibre_behind_cut"


def every_cut_is_told(one: Plant) -> None:
    for incident in one.found.incidents:
        if incident.behind_cut:
            assert set(incident.suspects) & one.label(LIKELIEST, "segment"), one.name
    assert one.label(BEHIND, "opd") == {name for incident in one.found.incidents for name in incident.behind_cut}
    assert one.label(BEHIND, "segment") <= one.label(LIKELIEST, "segment") <= one.label(SUSPECT, "segment")


@given(st.integers(0, 2**32))
def test_who_is_behind_a_cut_is_behind_a_segment_that_is_named(seed: int) -> None:
    every_cut_is_told(wild(random.Random(seed)))


@pytest.mark.parametrize("one", list(farm(7, 10)), ids=lambda one: one.name[:40])
def test_long_spurs_and_large_rings(one: Plant) -> None:
    every_cut_is_told(one)


def test_what_is_rather_an_offices_own_trouble_names_no_segment() -> None:
    one = spur([0.5])
    assert one.series[SUSPECT]
    assert not one.series[BEHIND]
    assert not one.series[LIKELIEST]


def test_the_wall_shows_a_cut_of_which_the_place_is_not_clear() -> None:
    region = load(Path(__file__).parents[2] / "inventories/batubara")
    alerts = (Alert("FibreSegmentCut", "critical", {}, "it is not clear where", NOW - 60),)
    found = overview(region, Facts(NOW, alerts=Told(alerts, NOW, ""))).problems
    assert [one.text for one in found if one.subject == "FibreSegmentCut"] == ["it is not clear where"]


def test_the_wall_shows_a_segment_that_somebody_is_behind_however_small_its_share() -> None:
    region = load(Path(__file__).parents[2] / "inventories/batubara")
    judged = Judged({"r1-01": 0.13, "r1-02": 0.13}, behind={"dinkes/wan": "r1-01"}, at=1.0)
    shown = {one.name: one for one in segments(region, judged, {})}
    assert (shown["r1-01"].glass, shown["r1-01"].dark) == (Glass.SUSPECT, ("dinkes",))
    assert shown["r1-02"].glass is Glass.UNKNOWN
