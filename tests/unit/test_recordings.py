"""Every recording of `tests/recordings` gives the ports and the light that were computed by hand for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.collectors.contract import Port, Reading
from exporters.collectors.optics import COLLECTOR
from exporters.discovery import Discovered, discover
from exporters.light import report
from ops.catalogue.device import device, names
from ops.inventory.load import load
from ops.inventory.watched import watched
from ops.system.snmprec import read

LINK = next(watched(load(Path(__file__).parents[2] / "inventories/batubara").opds))
DIRECTIONS = {"opd_optical_receive_power_dbm": "rx", "opd_optical_transmit_power_dbm": "tx"}
LIMITS = {
    f"{metric}_{limit}_dbm": (direction, f"{limit}_dbm")
    for metric, direction in {"opd_optical_power": "rx", "opd_optical_transmit_power": "tx"}.items()
    for limit in ("low_alarm", "low_warning", "high_warning", "high_alarm")
}
RECORDINGS = Path(__file__).parents[1] / "recordings"
NAMES = sorted(path.stem for path in RECORDINGS.glob("*.snmprec"))
WITHIN = 0.01  # dB


def discovered(name: str) -> Discovered:
    return asyncio.run(discover(read(RECORDINGS / f"{name}.snmprec")))


def expected(name: str) -> dict[str, Any]:
    return yaml.safe_load((RECORDINGS / f"{name}.expected.yml").read_text(encoding="utf-8"))


def place(one: dict[str, Any]) -> tuple[object, ...]:
    return tuple(one.get(key) for key in ("ifindex", "direction", "lane", "onu", "side"))


@pytest.mark.parametrize("name", NAMES)
def test_light_is_what_the_vendors_rule_makes_of_it(name: str) -> None:
    told, wanted = report(discovered(name)), expected(name)
    assert told["device"]["model"] == wanted["model"]
    light = {place(one): one for one in told["optics"]}
    assert set(light) == {place(one) for one in wanted["optics"]}
    assert len(light) == len(told["optics"]), "every reading stands there once"
    for one in wanted["optics"]:
        for key in one.keys() - {"ifindex", "direction", "lane", "onu", "side"}:
            assert light[place(one)][key] == pytest.approx(one[key], abs=WITHIN), (place(one), key)
    dark = {place(one) for one in told["dark"]}
    assert dark == {place(one | {"direction": "rx"}) for one in wanted["dark"]}


@pytest.mark.parametrize("name", NAMES)
def test_the_collector_exports_exactly_what_is_shown(name: str) -> None:
    found = discovered(name)
    exported, dark = {}, set()
    for ifindex in found.ports:
        port = Port(LINK, device("mikrotik_routeros"), str(ifindex), found.of_port(ifindex))
        for one in COLLECTOR.samples(port, Reading(found.values)):
            labels = dict(one.labels)
            where = (ifindex, *(labels.get(key) for key in ("lane", "onu", "side")))
            if one.name in DIRECTIONS:
                exported[where, DIRECTIONS[one.name]] = round(one.value, 4)
            elif one.name == "opd_optical_rx_loss" and one.value:
                dark.add(where)
    told = report(found)
    shown = {
        ((one["ifindex"], one["lane"], one["onu"], one["side"]), one["direction"]): one["dbm"]
        for one in told["optics"]
        if one["ifindex"] in found.ports
    }
    assert exported == shown
    without = (one for one in told["dark"] if one["ifindex"] in found.ports)
    assert dark == {(one["ifindex"], one["lane"], one["onu"], one["side"]) for one in without}


@pytest.mark.parametrize("name", NAMES)
def test_the_modules_own_thresholds_are_exported_both_ways(name: str) -> None:
    found = discovered(name)
    exported = {}
    for ifindex in found.ports:
        port = Port(LINK, device("mikrotik_routeros"), str(ifindex), found.of_port(ifindex))
        for one in COLLECTOR.samples(port, Reading(found.values)):
            if one.name in LIMITS:
                labels, (direction, limit) = dict(one.labels), LIMITS[one.name]
                where = (ifindex, *(labels.get(key) for key in ("lane", "onu", "side")))
                exported[where, direction, limit] = round(one.value, 4)
    told = report(found)
    for one in [*told["optics"], *told["dark"]]:
        where = tuple(one[key] for key in ("ifindex", "lane", "onu", "side"))
        shown = {limit: one[limit] for limit in {limit for _, limit in LIMITS.values()} & one.keys()}
        told_here = {limit: dbm for (at, way, limit), dbm in exported.items() if (at, way) == (where, one["direction"])}
        assert told_here == (shown if one["ifindex"] in found.ports else {}), (where, one["direction"])


def test_every_profile_has_a_recording() -> None:
    assert set(names()) == {expected(name)["model"] for name in NAMES} - {""}


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_a_recording_are_plausible(name: str) -> None:
    for one in report(discovered(name))["optics"]:
        assert -40 < one["dbm"] < 10, one
