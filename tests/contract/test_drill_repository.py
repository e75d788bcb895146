"""A drill of a repository that somebody, or a disk, has been at; and backups that must not count."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from backup_rig import item
from drill_stage import Stage, needs_root, places_entry
from repository_stock import HOUR, Stock

from backup import take
from backup.restic import Restic, Saved
from backup.trouble import ResticError, Trouble
from backup.verify import of_drill
from ops.errors import OpsError

pytestmark = needs_root


def test_a_corrupt_pack_is_not_proven_and_nothing_of_it_stays(own: Stage) -> None:
    pack = max((p for p in (own.rig.repository / "data").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 0xFF
    pack.chmod(0o600)
    pack.write_bytes(content)
    seen = own.drill()
    assert seen.failure.startswith("restore: ")
    assert "damaged" in seen.failure
    assert of_drill.judge(seen).fault == "corruption"
    assert seen.cleaned
    assert not seen.proven
    assert list((own.rig.folder / "d").iterdir()) == []


@pytest.mark.parametrize(
    ("many", "year", "what", "fault"),
    [(1, "2099", "future", "clock"), (6, "2099", "flood", "ransomware"), (5, "", "flood", "ransomware")],
)
def test_newer_snapshots_change_nothing_but_are_named(own: Stage, many: int, year: str, what: str, fault: str) -> None:
    """One from the future is a clock; a flood of near-empty ones is an attack whatever its dates are."""
    restic = own.rig.restic()
    words = restic.backup_words("localhost", [own.item.key])
    for number in range(many):
        at = ["--time", f"{year}-01-01 0{number}:00:00"] if year else []
        restic.backup([*words, *at, "--stdin", "--stdin-filename", "/x"], "junk")
    seen = own.drill()
    assert own.differences(seen) == {("snapshots", what)}
    assert of_drill.judge(seen).told()["class"] == fault
    assert seen.restored
    assert len(seen.restored.content) > 60, "the ledger's snapshot was restored, not the newest one"


class Cut(Restic):
    """A backup that is cut off before its manifest is saved."""

    def backup(self, words: Sequence[str], given: str | None = None) -> Saved:
        if given is not None:
            raise KeyboardInterrupt
        return super().backup(words)


class Partial(Restic):
    """A backup that restic calls incomplete (exit 3)."""

    def saved(self, done: Mapping[str, Any]) -> Saved:
        return dataclasses.replace(super().saved(done), complete=False)


@pytest.mark.parametrize(("kind", "error"), [(Cut, KeyboardInterrupt), (Partial, ResticError)])
def test_a_backup_that_was_cut_off_or_is_incomplete_spoils_no_drill(
    own: Stage, kind: type[Restic], error: type[BaseException]
) -> None:
    usual = own.rig.restic()
    spots = dataclasses.replace(
        own.places, source=lambda _item, _key: kind(usual.where, usual.repository, usual.program)
    )
    before = len(usual.snapshots())
    with pytest.raises(error):
        take.take(spots, own.item)
    assert len(usual.snapshots()) > before, "it stays in the append-only vault"
    seen = own.drill()
    assert (seen.failure, own.differences(seen), seen.proven) == ("", set(), True)


@pytest.mark.parametrize("tags", [["other"], []])
def test_a_foreign_snapshot_is_seen_whatever_it_is_called(own: Stage, tags: list[str]) -> None:
    restic = own.rig.restic()
    restic.backup([*restic.backup_words("elsewhere", tags), "--stdin", "--stdin-filename", "/x"], "junk")
    seen = own.drill()
    assert own.differences(seen) == {("snapshots", "foreign")}
    assert of_drill.judge(seen).fault == "tamper"


def test_a_vanished_snapshot_and_a_vanished_repository_are_told(own: Stage) -> None:
    newest = places_entry(own)["snapshot"]
    (own.rig.repository / "snapshots" / newest).unlink()
    seen = own.drill()
    assert not seen.proven
    assert "the newest in the ledger, is not in the repository" in seen.failure
    shutil.rmtree(own.rig.repository)
    assert of_drill.judge(seen).fault == "rpo"
    gone = own.drill()
    assert "no-repository" in gone.failure
    assert of_drill.judge(gone).fault == "repo"
    with pytest.raises(ResticError) as caught:
        take.take(own.places, own.item)
    assert caught.value.trouble is Trouble.NO_REPOSITORY, "it is never quietly made anew"


def test_a_forged_ledger_is_refused(own: Stage) -> None:
    path = own.places.ledger.path
    path.write_text(path.read_text().replace('"files":63', '"files":61'))
    seen = own.drill()
    assert "the chain is broken here" in seen.failure


def test_an_empty_folder_and_an_unknown_database_are_no_backup(own: Stage, clinic: Stage) -> None:
    empty = own.rig.folder / "empty"
    empty.mkdir()
    with pytest.raises(OpsError, match="is empty"):
        take.take(own.places, item("files", str(empty)))
    with pytest.raises(OpsError, match="no such folder"):
        take.take(own.places, item("files", str(own.rig.folder / "unmounted")))
    before = places_entry(clinic)
    with pytest.raises(OpsError, match="does not exist"):
        take.take(clinic.places, item("postgresql", "no-such"))
    assert places_entry(clinic) == before


def put(own: Stage, kind: str, content: bytes) -> None:
    """As anybody may POST it who stole a source host's password."""
    (own.rig.repository / kind / hashlib.sha256(content).hexdigest()).write_bytes(content)


@pytest.mark.parametrize(("kind", "size"), [("index", 4), ("snapshots", 200), ("keys", 4)])
def test_junk_of_a_stolen_client_is_gone_round_and_red(own: Stage, kind: str, size: int) -> None:
    for _ in range(3):
        put(own, kind, os.urandom(size))
    before = sorted(str(path) for path in own.rig.repository.rglob("*"))
    seen = own.drill()
    assert seen.restored, seen.failure
    assert seen.restored.content == seen.manifest.content, "all of it is back"  # type: ignore[union-attr]
    assert not seen.proven
    assert of_drill.judge(seen).fault == "tamper"
    assert sorted(str(path) for path in own.rig.repository.rglob("*")) == before
    assert list((own.rig.folder / "d").iterdir()) == []


def test_a_lost_index_is_made_anew_in_the_private_copy_only(own: Stage) -> None:
    for path in (own.rig.repository / "index").iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(content)
    seen = own.drill()
    assert seen.restored, seen.failure
    assert seen.restored.content == seen.manifest.content  # type: ignore[union-attr]
    assert of_drill.judge(seen).fault == "corruption"


LOCKS: dict[str, tuple[tuple[str, str], Callable[[Stock], object]]] = {
    "stale exclusive": (("red", "lock"), lambda one: one.lock(age=26 * HOUR, exclusive=True)),
    "stale shared": (("red", "lock"), lambda one: one.lock(age=HOUR, exclusive=False)),
    "live exclusive": (("wait", "lock"), lambda one: one.lock(age=60, exclusive=True)),
    "live shared": (("green", "none"), lambda one: one.lock(age=60, exclusive=False)),
    "short junk": (("red", "tamper"), lambda one: one.put("locks", b"abcd")),
    "long junk": (("red", "tamper"), lambda one: one.put("locks", os.urandom(200))),
}


@pytest.mark.parametrize("kind", LOCKS)
def test_locks_are_judged_though_no_drill_needs_one(own: Stage, kind: str) -> None:
    wanted, plant = LOCKS[kind]
    plant(Stock(own.rig.folder, ""))
    before = sorted(str(path) for path in own.rig.repository.rglob("*"))
    seen = own.drill()
    found = of_drill.judge(seen)
    assert (str(found.colour), str(found.fault)) == wanted, found.proof
    assert seen.proven == (wanted[0] == "green")
    assert (seen.restored is None) == (wanted[0] == "wait"), "the others are gone round"
    assert sorted(str(path) for path in own.rig.repository.rglob("*")) == before, "no lock is taken away"
