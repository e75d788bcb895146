"""The drill of the drill proves the weekly drills too: one whose checks or steps see nothing is told as NOT SEEN."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backup_rig import CANARY, CLIENT, remote, rest_server, restic_program, rig
from drill_stage import Stage, needs_root, small_stage

from backup.checks import file_contents, keys, snapshots
from backup.checks.contract import Difference
from backup.own_drill import OwnDrill
from backup.verify import copies, fetched, inject, plant
from backup.verify.run import Request
from ops.errors import OpsError
from ops.progress import silent

pytestmark = needs_root
AGE, LONG = 10 * 365 * 86400.0, 3600.0
FEW = ("silent", "tamper")  # the others: `make test-long`


@pytest.fixture(scope="module")
def small() -> Iterator[Stage]:
    with rig() as made:
        yield small_stage(made, files=6)


def injected(small: Stage, folder: Path, fault: str) -> dict[str, Any]:
    restic_program()
    password = folder / "password"
    password.write_text(CANARY)
    asked = Request(
        str(folder / "copy"), password, "localhost", small.item.set.source, folder / "unused", rpo=AGE, rto=LONG
    )
    (folder / "own").mkdir()
    ours = OwnDrill(small.places, small.item, folder / "own", silent, AGE, LONG)
    return inject.inject(fault, asked, small.rig.repository, silent, ours)


@pytest.mark.parametrize("fault", FEW)
def test_our_own_drill_sees_it_under_its_name(small: Stage, tmp_path: Path, fault: str) -> None:
    sees(small, tmp_path, fault)


@pytest.mark.parametrize("fault", [str(one) for one in plant.PLANTERS if one not in FEW])
def test_our_own_drill_sees_every_other_fault_too(small: Stage, tmp_path: Path, fault: str) -> None:
    sees(small, tmp_path, fault)


def sees(small: Stage, tmp_path: Path, fault: str) -> None:
    before = sorted(small.rig.folder.rglob("*"))
    found = injected(small, tmp_path, fault)
    assert found["own_before"]["verdict"] == "green"
    assert (found["own_after"]["verdict"], found["own_after"]["class"]) == ("red", fault), found["own_after"]
    assert found["seen"], found["after"]
    assert sorted(small.rig.folder.rglob("*")) == before, "nothing of the station was written"
    assert list((tmp_path / "own/d").iterdir()) == []


@pytest.mark.parametrize(("fault", "check"), [("silent", file_contents), ("clock", snapshots)])
def test_a_check_that_sees_nothing_is_not_believed(
    small: Stage, tmp_path: Path, fault: str, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "differences", lambda _found: iter(()))
    found = injected(small, tmp_path, fault)
    assert (found["after"]["verdict"], found["after"]["class"]) == ("red", fault), "the other judge is whole"
    assert found["own_after"]["verdict"] == "green"
    assert not found["seen"]


def test_a_check_that_is_red_without_a_cause_stops_it(
    small: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "differences", lambda _found: iter((Difference("foreign", "x"),)))
    with pytest.raises(OpsError, match="before anything was planted"):
        injected(small, tmp_path, "silent")


def test_the_copy_comes_through_the_read_only_door(small: Stage, tmp_path: Path) -> None:
    with rest_server(tmp_path, "--append-only", "--private-repos") as url:
        shutil.copytree(small.rig.repository, tmp_path / "store" / CLIENT / "contoh")
        asked = remote(url).repository
        fetched.whole(asked, tmp_path / "copy")
        parts = [path for path in (tmp_path / "copy").rglob("*") if path.is_file() and path.name != "config"]
        assert fetched.size(asked) == sum(path.stat().st_size for path in parts) > 0
        copies.mark(tmp_path / "copy", asked.url)
    copies.check(tmp_path / "copy")
    with pytest.raises(OpsError, match="refused"):
        fetched.size(asked)
