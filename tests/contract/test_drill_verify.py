"""Real repositories in every state: each gets its class, nothing good is alarmed, nothing is written into one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from backup_rig import restic_program
from faults_of_repositories import FAULTS, GOOD
from repository_stock import Stock, judged, stock

RESTORED = {"lock", "tamper"}  # what a restore goes round, and is red all the same


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    return stock(tmp_path_factory.mktemp("stock"), restic_program())


@pytest.fixture
def there(base: Stock, tmp_path: Path) -> Iterator[Stock]:
    copy = base.copy(tmp_path)
    yield copy
    subprocess.run(["chmod", "-R", "u+w", str(tmp_path)], check=True)


def same(one: Path, other: Path) -> bool:
    """By coreutils: not the code that is under test."""
    return (
        subprocess.run(["diff", "-r", "--no-dereference", one, other], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_red_with_its_class(there: Stock, name: str) -> None:
    expected, plant = FAULTS[name]
    plant(there)
    before = there.stamp()
    found = judged(there)
    assert (found.colour, found.fault) == ("red", expected), found.proof
    assert there.stamp() == before
    if expected in RESTORED:
        assert same(there.gold, there.folder / "out")


@pytest.mark.parametrize("name", GOOD)
def test_a_good_repository_is_green(there: Stock, name: str) -> None:
    GOOD[name](there)
    before = there.stamp()
    found = judged(there)
    assert (found.colour, found.fault) == ("green", "none"), found.proof
    assert same(there.gold, there.folder / "out")
    assert there.stamp() == before
