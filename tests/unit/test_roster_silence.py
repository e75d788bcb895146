"""What may be silenced, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.errors import UsageError
from ops.jobs.registry import find
from ops.world import World

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World("t", ROOT / "inventories/batubara", tmp_path, tmp_path / "key", tmp_path / "known")


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"minutes": "60"},
        {"opd": "nosuch"},
        {"alertname": "Watchdog"},
        {"opd": "dinkes", "minutes": "0"},
        {"opd": "dinkes", "minutes": "20161"},
        {"opd": "dinkes", "minutes": "1e3"},
        {"opd": " "},
    ],
)
def test_what_is_refused_is_refused_when_it_is_asked_for(world: World, args: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        find("silence").scope(world, args)


def test_a_silence_concerns_its_office(world: World) -> None:
    assert find("silence").scope(world, {"opd": "dinkes", "alertname": "OfficeLinkDown"}).opds == ("dinkes",)
    assert find("silence").scope(world, {"segment": "r1-01"}).opds == ()
