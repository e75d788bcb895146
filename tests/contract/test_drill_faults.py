"""Our own drill of repositories in the states of `faults_of_repositories`: each red, under the class that is wanted."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from backup_rig import restic_program, rig
from drill_stage import Stage, needs_root, small_stage
from faults_of_repositories import FAULTS
from repository_stock import PASSWORD, Stock
from small_disks import disk, fill

from backup import drill, rot, take
from backup.restic import Repository, Restic, Secret
from backup.trouble import ResticError
from backup.verify import of_drill, verdict
from backup.verify.run import Request, verify
from ops.progress import silent
from ops.system.process import Local

pytestmark = needs_root
# Of the table what befalls a repository or its key; what befalls a tree before its backup: test_drill_ransomware.
# A password with a CR is read without it here: nobody else reads the station's. Of a junk pack only `ops drill verify`
# tells: nothing refers to it, and one more key derivation a drill is 0.35 CPU-s.
CLASSES = {"corruption", "repo", "key", "lock", "tamper"}
ELSEWHERE = ("junk pack", "password with CRLF")
OURS = ["no snapshots", *(name for name, (fault, _) in FAULTS.items() if fault in CLASSES and name not in ELSEWHERE)]
FEW = ("pack header flip", "snapshot flip", "key file flip", "no snapshots")


@pytest.fixture(scope="module")
def small() -> Iterator[Stage]:
    with rig() as made:
        yield small_stage(made)


@pytest.fixture
def own(small: Stage) -> Iterator[Stage]:
    with rig() as made:
        for name in ("repository", "state"):
            shutil.copytree(small.rig.folder / name, made.folder / name)
        yield Stage(made, small.item)


@pytest.mark.parametrize("name", ["empty password", "password lost"])
def test_a_password_file_that_is_lost_or_empty_on_the_drill_server_is_key(own: Stage, name: str) -> None:
    stock = Stock(own.rig.folder, "")
    stock.password.write_text(PASSWORD)
    FAULTS[name][1](stock)
    repository = Repository(str(stock.repository), Secret(file=str(stock.password)))
    there = dataclasses.replace(own.places, view=lambda _item, _key: Restic(Local(), repository, restic_program()))
    seen = drill.run(there, own.item, silent)
    assert of_drill.judge(seen).fault == "key", seen.failure
    assert "is not there yet" in seen.failure


def scanned(own: Stage) -> None:
    """As the job leaves it every night."""
    seen, _ = rot.scan(Local(), str(own.rig.repository), {}, ())
    folder = own.places.state / "rot"
    folder.mkdir()
    (folder / f"{own.item.key}@vault.json").write_text(json.dumps(seen.told()))


@pytest.mark.parametrize("name", FEW)
def test_a_state_has_its_class(own: Stage, name: str) -> None:
    red(own, name)


@pytest.mark.parametrize("name", [name for name in OURS if name not in FEW])
def test_every_other_state_has_its_class_too(own: Stage, name: str) -> None:
    red(own, name)


def red(own: Stage, name: str) -> None:
    fault, befall = FAULTS[name]
    stock = Stock(own.rig.folder, restic_program())
    stock.password.write_text(PASSWORD + "\n")
    befall(stock)

    spots, secret = own.places, stock.password.read_bytes().decode() if stock.password.exists() else ""
    repository = Repository(str(stock.repository), Secret(secret.removesuffix("\n")))

    def there(_item: object, key: str) -> Restic:
        return Restic(Local(), dataclasses.replace(repository, key_hint=key), restic_program())

    if "header" in name:
        scanned(own)
    seen = drill.run(dataclasses.replace(spots, view=there), own.item, silent)
    found = of_drill.judge(seen)
    assert (str(found.colour), str(found.fault)) == ("red", fault), (seen.failure, found.proof)
    assert not seen.proven
    assert seen.cleaned


@pytest.mark.parametrize(
    ("options", "step"),
    [("size=16k", "room"), ("size=64m,nr_inodes=6", "room"), ("size=64m,ro", "restore")],
)
def test_a_target_that_is_full_or_takes_nothing_is_space(own: Stage, options: str, step: str) -> None:
    with disk(own.rig.folder / "d", options):
        seen = own.drill()
    assert seen.failure.startswith(f"{step}: "), seen.failure
    assert of_drill.judge(seen).fault == "space", seen.failure


def test_a_full_repository_takes_no_backup_and_says_why(own: Stage) -> None:
    full = own.rig.folder / "penuh"
    with disk(full, "size=1m"):
        shutil.copytree(own.rig.repository, full / "repository")
        fill(full)
        whole = Repository(str(full / "repository"), Secret(PASSWORD))
        there = dataclasses.replace(own.places, source=lambda _item, _key: Restic(Local(), whole, restic_program()))
        with pytest.raises(ResticError) as caught:
            take.take(there, own.item)
        password = own.rig.folder / "password"
        password.write_text(PASSWORD)
        root = own.item.set.source
        found = verify(Request(whole.url, password, "localhost", root, own.rig.folder / "out"), silent)
    assert (verdict.of_restic(caught.value.trouble), caught.value.trouble) == ("space", "no-space")
    assert (found.colour, found.fault) == ("red", "space"), "though all of it came back"
    assert len(list((own.rig.folder / "out").iterdir())) == len(list(Path(root).iterdir()))


def test_a_repository_on_a_read_only_file_system_is_fine(own: Stage) -> None:
    with disk(own.rig.folder / "ro", "size=8m") as folder:
        shutil.copytree(own.rig.repository, folder / "repository")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        whole = Repository(str(folder / "repository"), Secret(PASSWORD))
        there = dataclasses.replace(own.places, view=lambda _item, _key: Restic(Local(), whole, restic_program()))
        seen = drill.run(there, own.item, silent)
    assert (seen.failure, of_drill.judge(seen).fault) == ("", "none")
