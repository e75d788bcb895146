"""The second copy keeps what it has whatever happens to the first; the scan sees rot and losses without a key."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from backup_rig import CANARY, CLIENT, Rig, remote, rest_server, rig
from repository_stock import cheapen

from backup import copies, rot
from backup.restic import Repository, Secret
from backup.rot import Inventory
from ops.system.process import Local


@pytest.fixture(scope="module")
def base() -> Iterator[Rig]:
    with rig() as made:
        restic = made.restic()
        restic.ensure()
        cheapen(made.repository)
        source = made.folder / "srv"
        source.mkdir()
        for number in range(3):
            (source / f"{number}").write_bytes(os.urandom(30_000))
            restic.backup([*restic.backup_words("h", ["t"]), str(source)])
        yield made


@pytest.fixture
def there(base: Rig, tmp_path: Path) -> Rig:
    shutil.copytree(base.repository, tmp_path / "repository")
    return Rig(tmp_path, tmp_path / "repository")


def copied(there: Rig) -> copies.Copied:
    return copies.copy(Local(), Repository(str(there.repository), Secret()), str(there.folder / "copy"))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pack(folder: Path) -> Path:
    return max((one for one in (folder / "data").rglob("*") if one.is_file()), key=lambda one: one.stat().st_size)


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def test_a_copy_opens_and_holds_all_and_is_never_written_twice(there: Rig) -> None:
    first = copied(there)
    whole = files(there.folder / "copy")
    assert whole == {name: text for name, text in files(there.repository).items() if not name.startswith("locks/")}
    assert (first.new, first.refused) == (first.there, ())
    assert copied(there).new == 0
    spoil(pack(there.repository))  # rot, or somebody, at the first place
    for path in (there.repository / "snapshots").iterdir():
        path.unlink()
    copied(there)
    assert files(there.folder / "copy") == whole
    copy = Rig(there.folder, there.folder / "copy").restic()
    assert copy.must(["check", "--no-lock", "--read-data"], 60)["code"] == 0


def test_what_is_not_its_name_never_gets_into_the_copy(there: Rig) -> None:
    bad = pack(there.repository)
    spoil(bad)
    done = copied(there)
    assert done.refused == (f"data/{bad.name}",)
    assert f"data/{bad.name[:2]}/{bad.name}" not in files(there.folder / "copy")
    half = there.folder / "copy" / next(name for name in files(there.folder / "copy") if name.startswith("snapshots/"))
    half.chmod(0o600)
    half.write_bytes(b"x")
    assert copied(there).differs == (f"snapshots/{half.name}",)


def test_a_copy_is_fetched_through_the_read_only_door(there: Rig) -> None:
    with rest_server(there.folder, "--append-only", "--private-repos") as url:
        shutil.copytree(there.repository, there.folder / "store" / CLIENT / "contoh")
        asked = remote(url).repository
        done = copies.copy(Local(), asked, str(there.folder / "copy"))
        assert (done.new, done.refused) == (done.there, ())
    assert CANARY.encode() not in b"".join(files(there.folder / "copy").values())


def scanned(there: Rig, may_go: tuple[str, ...] = ()) -> rot.Scan:
    inventory = Inventory(there.folder / "names")
    seen, names = rot.scan(Local(), str(there.repository), inventory.names("x"), may_go)
    inventory.keep("x", names)
    return seen


def test_a_good_repository_scans_clean_also_after_another_backup_and_our_own_prune(there: Rig) -> None:
    assert scanned(there).clean
    restic = there.restic()
    restic.backup([*restic.backup_words("h", ["t"]), "--stdin", "--stdin-filename", "/x"], "y")
    assert scanned(there).clean
    oldest = restic.snapshots()[0].id
    restic.must(["forget", "--prune", oldest], 60)
    assert scanned(there, ("data", "index", f"snapshots/{oldest}")).clean


def test_rot_strangers_and_what_vanished_are_named(there: Rig) -> None:
    assert scanned(there).clean
    bad, gone = pack(there.repository), next((there.repository / "snapshots").iterdir())
    spoil(bad)
    gone.unlink()
    (there.repository / "keys" / "README").write_text("x")
    seen = scanned(there)
    assert seen.rotten == (f"data/{bad.name}",)
    assert seen.vanished == (f"snapshots/{gone.name}",)
    assert seen.strange == ("keys/README",)
    (there.repository / "config").unlink()
    assert "config" in scanned(there).rotten


def test_a_config_that_changed_is_seen_although_its_name_says_nothing(there: Rig) -> None:
    before, later = copied(there), scanned(there)
    assert (before.differs, later.clean, scanned(there).files) == ((), True, later.files)
    spoil(there.repository / "config")
    assert scanned(there).rotten == ("config",)
    assert scanned(there).rotten == ("config",), "until it is what it was"
    assert copied(there).differs == ("config",)
    assert not (there.folder / "copy/config.new").exists()
    spoil(there.repository / "config")
    assert scanned(there).clean
    assert copied(there).differs == ()


def test_a_list_of_names_that_was_changed_is_told(there: Rig) -> None:
    scanned(there)
    path = there.folder / "names" / "x.names"
    path.write_text(path.read_text().replace("config", "konfig"))
    with pytest.raises(ValueError, match="not what the last scan left"):
        scanned(there)
