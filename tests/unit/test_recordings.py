"""Every recording of `tests/recordings` gives the ports and the light that were computed by hand for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.discovery import Discovered, discover
from exporters.light import report
from ops.catalogue.device import names
from ops.system.snmprec import read

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


def test_every_profile_has_a_recording() -> None:
    assert set(names()) == {expected(name)["model"] for name in NAMES} - {""}


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_a_recording_are_plausible(name: str) -> None:
    for one in report(discovered(name))["optics"]:
        assert -40 < one["dbm"] < 10, one
