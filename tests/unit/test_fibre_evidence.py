"""From series to sights: what is dark, what is lit, which way packets went; and how it is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.fibre import view_of
from exporters.fibre_read import measured
from exporters.read import Value
from ops.fibre import drawing
from ops.fibre.evidence import Measured, Roads, judge
from ops.fibre.locate import locate
from ops.fibre.riders import Seen, Sight, of_region
from ops.inventory.load import load
from ops.inventory.model import Link, Region
from ops.inventory.watched import watched
from ops.system.trace import Trace

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
DC, STRANGER = "10.40.0.1", "192.0.2.7"


@pytest.fixture(scope="module")
def region() -> Region:
    return load(BATUBARA)


def link(region: Region, code: str) -> Link:
    return region.opd(code).links[0]


def hops(region: Region, *nodes: str) -> list[str | None]:
    addresses = {node.name: str(node.address) for node in region.plant.nodes}
    return [addresses.get(name, name) or None for name in nodes]


@pytest.mark.parametrize(
    ("one", "seen"),
    [
        (Measured(no_light=True, answered=True), Seen.DARK),
        (Measured(port_up=False, no_light=False), Seen.DARK),
        (Measured(port_up=False, received=-9.0), Seen.LIT),  # the fibre is well, the port is not
        (Measured(port_up=True), Seen.LIT),
        (Measured(answered=True), Seen.LIT),
        (Measured(answered=True, alone=False), Seen.UNKNOWN),  # it may have answered by its other link
        (Measured(answered=False), Seen.DARK),
        (Measured(answered=False, lost=0.4), Seen.LIT),
        (Measured(answered=False, lost=1.0), Seen.DARK),
        (Measured(), Seen.UNKNOWN),
    ],
)
def test_darkness_needs_a_reason_and_silence_of_the_meter_is_none(one: Measured, seen: Seen) -> None:
    assert judge(one).seen is seen


LIT = Sight(Seen.LIT, why="light")


def test_the_declared_way_seen_whole(region: Region) -> None:
    way = hops(region, DC, "pop-limapuluh", "pop-datuk-limapuluh", "pop-air-putih")
    found = Roads(region.plant).on_its_way(link(region, "kec-air-putih"), LIT, way)
    assert (found.seen, found.over) == (Seen.WHOLE, {"r1-01", "r1-02", "r1-03"})


def test_another_way_clears_what_it_crosses(region: Region) -> None:
    way = hops(region, STRANGER, "pop-limapuluh-pesisir", "pop-medang-deras", "drc", "pop-air-putih")
    found = Roads(region.plant).on_its_way(link(region, "kec-air-putih"), LIT, way)
    assert (found.seen, found.over) == (Seen.DETOUR, {"r1-09", "r1-08", "r1-07", "x-01"})


def test_a_node_that_keeps_silent_leaves_the_way_open(region: Region) -> None:
    way = hops(region, DC, "", "pop-datuk-limapuluh", "pop-air-putih")
    found = Roads(region.plant).on_its_way(link(region, "kec-air-putih"), LIT, way)
    assert (found.seen, found.over) == (Seen.LIT, {"r1-03"})
    assert Roads(region.plant).on_its_way(link(region, "dinkes"), LIT, []) == LIT
    dark = Sight(Seen.DARK)
    assert Roads(region.plant).on_its_way(link(region, "kec-air-putih"), dark, way) is dark


def series(region: Region, dark: set[str] = frozenset()) -> list[Value]:  # type: ignore[assignment]
    """What Prometheus holds of every link: two series where a link is dark, light where it is not."""
    found = []
    for one in watched(region.opds):
        port = {**one.labels, "ifname": one.link.ifname}
        silent = one.opd.code in dark
        found.append(Value("opd_poll_up", one.labels, 0.0 if silent else 1.0))
        found.append(Value("opd_link_packet_loss_ratio", port, 1.0 if silent else 0.0))
        if not silent:
            found.append(Value("opd_optical_receive_power_dbm", port, -9.5))
    return found


def test_a_view_from_series_names_the_segment(region: Region) -> None:
    behind = {opd.code for opd in region.opds for one in opd.links if set(one.rides) & {"r1-01"}}
    traces = {" ".join((one.drop.node, *one.rides)): Trace((DC,), reached=False) for one in _links(region)}
    dark = {code for code in behind if region.opd(code).links[0].drop.node == "pop-limapuluh"}
    view = view_of(region, series(region, dark), traces, "a test")
    assert len(dark) == 22
    (incident,) = view.found.incidents
    assert incident.likeliest.segments == ("r1-01", "r1-02")
    assert set(incident.behind_cut) == {f"{code}/wan" for code in dark}
    assert view.margins.keys() == view.sights.keys() - set(incident.dark)


def _links(region: Region) -> list[Link]:
    return [one for opd in region.opds for one in opd.links]


def test_links_without_series_are_unknown(region: Region) -> None:
    few = [one for one in series(region) if one.labels["opd"] == "dinkes"]
    assert measured(region, few).keys() == {"dinkes/wan"}


def test_the_drawing_names_every_segment_once_with_its_state(region: Region) -> None:
    sights = {name: Sight(Seen.WHOLE) for name in of_region(region).riders}
    sights["kec-air-putih/wan"] = Sight(Seen.DETOUR)
    for name, rider in of_region(region).riders.items():
        if "r1-03" in rider.rides:
            sights[name] = Sight(Seen.DETOUR)
    lines = drawing.draw(region, drawing.now(region, locate(of_region(region), sights), sights))
    for segment in region.plant.segments:
        (line,) = [line for line in lines if f" {segment.name} " in line]
        assert f"{segment.km:g} km" in line
        assert ("╳" in line) == ("SUSPECT" in line)
    assert any("r1-03" in line and "SUSPECT" in line for line in lines)
    assert any("pop-limapuluh  22 whole" in line for line in lines)
