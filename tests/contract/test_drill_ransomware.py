"""A drill of what was encrypted before it was backed up: every sum is right then, and the drill must be red."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backup_rig import item, rig
from drill_stage import Stage, needs_root, places_entry
from repository_stock import DICE, cheapen, put, text

from backup import take
from backup.hostside import canaries
from backup.verify import of_drill

pytestmark = needs_root
FILES = 30


@dataclasses.dataclass
class Office(Stage):
    """A folder of documents whose host remembers: with canaries and figures."""

    folder: Path = Path()

    @property
    def places(self) -> Any:
        return dataclasses.replace(self.rig.places, memory=str(self.rig.folder / "memory"))

    def back_up(self) -> dict[str, Any]:
        take.take(self.places, self.item)
        return dict(places_entry(self))

    def verdict(self) -> str:
        seen = self.drill()
        assert seen.cleaned
        assert not list((self.rig.folder / "d").iterdir())
        return str(of_drill.judge(seen).fault)


@pytest.fixture(scope="module")
def base() -> Iterator[Office]:
    """Two good backups: the first one ever, and a day on which texts were written anew and as much even bytes came."""
    with rig() as made:
        folder = made.folder / "srv"
        office = Office(made, item("files", str(folder)), folder=folder)
        for number in range(FILES):
            put(folder / f"surat/{number}.csv", text(number, 60))
        for number in range(8):
            put(folder / f"foto/{number}.jpg", b"\xff\xd8\xff" + DICE.randbytes(3000))
            put(folder / f"data/{number}.bin", DICE.randbytes(3000))
        made.restic().ensure()
        cheapen(made.repository)
        office.back_up()
        assert office.verdict() == "none", "the first backup"
        for number in range(FILES):
            put(folder / f"surat/{number}.csv", text(1000 + number, 70))
            put(folder / f"arsip/{number}.gpg", DICE.randbytes(2000))
        office.back_up()
        yield office


@pytest.fixture
def office(base: Office) -> Iterator[Office]:
    """A copy that may be attacked; the source lies where it lay."""
    kept = base.rig.folder / "kept"
    shutil.copytree(base.folder, kept)
    with rig() as made:
        for name in ("repository", "state", "memory"):
            shutil.copytree(base.rig.folder / name, made.folder / name)
        yield Office(made, base.item, folder=base.folder)
    shutil.rmtree(base.folder)
    kept.rename(base.folder)


def documents(office: Office) -> list[Path]:
    return [path for path in sorted(office.folder.rglob("*")) if path.is_file() and path.name not in canaries.NAMES]


@pytest.mark.parametrize("ending", ["", ".x"])
def test_a_tree_that_was_encrypted_is_red_also_after_the_next_backup(office: Office, ending: str) -> None:
    """Whoever encrypts only documents leaves canaries and host figures as they were: its tree alone tells."""
    for path in documents(office):
        path.write_bytes(os.urandom(path.stat().st_size))
        path.rename(f"{path}{ending}")
    (office.rig.folder / "memory" / f"{office.item.key}.last.json").unlink()
    assert "encrypted_ratio" not in office.back_up()["figures"]
    assert office.verdict() == "ransomware"
    office.back_up()
    assert office.verdict() == "ransomware", "nothing changed since"


def test_much_that_is_new_or_packed_is_no_attack(office: Office) -> None:
    assert office.verdict() == "none"


@pytest.mark.parametrize(
    "touch",
    [
        lambda path: path.write_bytes(os.urandom(3000)),
        lambda path: path.rename(f"{path}.locked"),
        lambda path: (path.unlink(), path.symlink_to("surat")),
    ],
)
def test_one_canary_that_changed_is_enough(office: Office, touch: Callable[[Path], object]) -> None:
    touch(office.folder / canaries.NAMES[0])
    assert office.back_up()["figures"]["canaries_changed"] == 1
    seen = office.drill()
    assert {(name, one.what) for name, told in seen.checked.items() for one in told} == {("ransomware", "ransomware")}
    assert of_drill.judge(seen).fault == "ransomware"


def test_where_no_earlier_backup_is_left_the_hosts_own_figures_speak(office: Office) -> None:
    before = {line["snapshot"] for line in office.places.ledger.read() if line["event"] == "backup"}
    for path in documents(office):
        path.write_bytes(os.urandom(2000))
    assert office.back_up()["figures"]["encrypted_ratio"] > 0.3
    for name in before:
        (office.rig.repository / "snapshots" / name).unlink()
    assert office.verdict() == "ransomware"


@pytest.mark.parametrize("ending", ["", ".brain"])
def test_what_was_encrypted_before_the_first_backup_ever_tells_by_its_names(ending: str) -> None:
    with rig() as made:
        folder = made.folder / "srv"
        office = Office(made, item("files", str(folder)), folder=folder)
        for number in range(6):
            put(folder / f"surat/{number}.docx{ending}", os.urandom(3000))
            put(folder / f"data/{number}.sql.gpg", os.urandom(3000))
            put(folder / f"sandi/{number}.xlsx", b"\xd0\xcf\x11\xe0" + os.urandom(3000))
        made.restic().ensure()
        cheapen(made.repository)
        office.back_up()
        assert office.verdict() == "ransomware"
        for path in (folder / "surat").iterdir():
            path.unlink()
        office.back_up()
        assert office.verdict() == "none", "encrypted and locked by their owners"
