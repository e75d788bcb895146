"""The states of test_drill_verify.py once more, with the restic of Debian sid (0.19 and newer) for all that is done."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults_of_repositories import FAULTS, GOOD
from repository_stock import Stock, judged, stock

from ops.system.tools import images_folder

FEW = ("pack missing", *sorted(FAULTS)[::11])  # in every run; the others with `make test-long`


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The folder of a restic that is newer than Debian stable's, first among the tools."""
    found = sorted(images_folder().glob("sid-*/usr/bin/restic"))
    if not found:
        pytest.skip(f"no restic in an image of Debian sid below {images_folder()} (ops tools --images makes it)")
    told = subprocess.run([found[-1], "version"], capture_output=True, text=True, check=True).stdout
    assert tuple(int(part) for part in told.split()[1].split(".")[:2]) >= (0, 19), told
    folder = tmp_path_factory.mktemp("tools")
    (folder / "restic").symlink_to(found[-1])
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OPS_TOOLS", str(folder))
        yield str(folder / "restic")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, newer: str) -> Stock:
    return stock(tmp_path_factory.mktemp("stock"), newer)


@pytest.fixture
def there(base: Stock, tmp_path: Path) -> Iterator[Stock]:
    copy = base.copy(tmp_path)
    yield copy
    subprocess.run(["chmod", "-R", "u+w", str(tmp_path)], check=True)


def is_told(there: Stock, name: str) -> None:
    expected, plant = FAULTS[name]
    plant(there)
    found = judged(there)
    assert (found.colour, found.fault) == ("red", expected), found.proof


@pytest.mark.parametrize("name", [name for name in FAULTS if name in FEW])
def test_some_faults_have_their_class(there: Stock, name: str) -> None:
    is_told(there, name)


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in FEW])
def test_the_other_faults_have_theirs(there: Stock, name: str) -> None:
    is_told(there, name)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_repository_is_green(there: Stock, name: str) -> None:
    GOOD[name](there)
    found = judged(there)
    assert (found.colour, found.fault) == ("green", "none"), found.proof
