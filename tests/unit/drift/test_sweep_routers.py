"""Routers whose kept configuration is not the accepted one, and what a whole check comes to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.errors import ChangesPendingError, PartlyAppliedError
from ops.jobs import config_backup, drift_routers
from ops.jobs.drift import DriftResult, Found
from ops.jobs.drift_sweep import CLEAN, DRIFTED, UNKNOWN, Swept
from ops.sweep.compare import Drifted
from ops.world import World

ROOT = Path(__file__).parents[3]
ROUTER = "dinkes-rtr1"
DECLARED = DriftResult(1.0, "c", 3, (), {})
ITEM = Drifted("dc-web", "file", "/x", "it is gone", "role web", "role", "dinkes")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World("x", ROOT / "inventories/batubara", tmp_path / "state", tmp_path / "k", tmp_path / "known")
    config_backup.files(made).make()
    return made


def keep(world: World, content: str) -> None:
    """As the nightly job would, after all that was accepted."""
    config_backup.files(world).put(f"{ROUTER}.cfg", content, lambda _before: f"{ROUTER} (dinkes): changed")
    later = (world.state / drift_routers.FOLDER / f"{ROUTER}.cfg", world.state / "configs" / f"{ROUTER}.cfg")
    if later[0].exists():
        os.utime(later[1], (later[0].stat().st_mtime + 60,) * 2)


def test_a_router_that_was_changed_is_named_until_it_is_put_back_or_accepted(world: World) -> None:
    assert drift_routers.look(world) == [], "nothing was ever kept"
    keep(world, "a\nb\n")
    assert drift_routers.look(world) == [], "the first one is the accepted one"
    keep(world, "a\nc\n")
    (found,) = drift_routers.look(world)
    assert (found.router, found.opd, found.lines) == (ROUTER, "dinkes", ("-b", "+c"))
    assert found.commit[:12] in found.because
    assert drift_routers.look(world, ["rsud"]) == []
    keep(world, "a\nb\n")
    assert drift_routers.look(world) == []
    keep(world, "a\nc\n")
    drift_routers.accept_kept(world, [ROUTER])
    assert drift_routers.look(world) == []


def test_what_was_read_before_the_last_acceptance_says_nothing(world: World) -> None:
    keep(world, "a\n")
    drift_routers.look(world)
    keep(world, "b\n")
    kept = world.state / "configs" / f"{ROUTER}.cfg"
    os.utime(kept, (1, 1))
    assert drift_routers.look(world) == []
    os.utime(kept)
    keep(world, "b\n")
    assert drift_routers.look(world)


def test_an_edited_copy_of_the_kept_file_is_not_believed(world: World) -> None:
    keep(world, "a\n")
    drift_routers.look(world)
    keep(world, "a\n")
    kept = world.state / "configs" / f"{ROUTER}.cfg"
    then = kept.stat().st_mtime
    kept.write_text("edited\n")
    os.utime(kept, (then, then))
    assert drift_routers.look(world) == []


@pytest.mark.parametrize(
    ("found", "error", "words"),
    [
        (Found(DECLARED, (Swept("dc-web", CLEAN, 1.0),), ()), None, ""),
        (Found(DECLARED, (Swept("dc-web", DRIFTED, 1.0, (ITEM,)),), ()), ChangesPendingError, "1 items on servers"),
        (Found(DECLARED, (Swept("dc-web", UNKNOWN, 1.0, why="gone"),), ()), PartlyAppliedError, "unknown: dc-web"),
        (
            Found(None, (Swept("a", UNKNOWN, 1.0, why="gone"), Swept("dc-web", DRIFTED, 1.0, (ITEM,))), ()),
            ChangesPendingError,
            "; unknown: a",
        ),
        (
            Found(DriftResult(1.0, "c", 3, (), {"rtr": "silent"}), (), ()),
            PartlyAppliedError,
            "unknown: rtr",
        ),
    ],
)
def test_what_a_check_comes_to(found: Found, error: type | None, words: str) -> None:
    assert type(found.error) is (error or type(None))
    assert words in (found.error.what if found.error else "")
    assert found.as_dict()["clean"] == (error is None)


def test_an_office_counts_its_artefacts_and_its_routers() -> None:
    router = drift_routers.Reconfigured(ROUTER, "dinkes", 1.0, "c", (), "x")
    found = Found(DECLARED, (Swept("dc-web", DRIFTED, 1.0, (ITEM,)),), (router,))
    assert (found.differ("dinkes"), found.differ("rsud")) == (2, 0)
    assert "1 routers have another configuration" in (found.error.what if found.error else "")
