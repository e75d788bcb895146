"""A log that is written while its folder is backed up: proven as far as it was read, and no further excuse."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from backup_rig import Rig, rig

from backup.checks.contract import Found, Point, checks
from backup.hostside import restic_call, set_files, tree
from backup.manifest import Manifest
from backup.sources import files
from backup.sources.contract import Asked, Place
from ops.system.process import Local


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """Somebody appends a line every few milliseconds."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.005):
            with path.open("a") as log:
                log.write("another line\n")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def made() -> Iterator[Rig]:
    with rig() as one:
        yield one


@pytest.fixture
def folder(made: Rig) -> Path:
    there = made.folder / "source"
    (there / "ledger").mkdir(parents=True)
    (there / "keys").write_text("secret")
    (there / "ledger/log.jsonl").write_text("the first line\n" * 1000)
    return there


def differences(wanted: dict[str, Any], where: Path, unstable: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """(what, name) of all that is not as in the manifest, of a folder as restic brought it back."""
    seen = files.look(Local_(), Place(str(where), str(where), "Asia/Jakarta"), wanted).content
    manifest = Manifest("o", "s", "files", "h", "/x", "s", "/x", 0.0, wanted, unstable)
    found = Found({}, [], [], [], [], [], manifest, True, "", seen, Point(0.0, ""), 0.0, 0.0, 1.0, 1.0)
    kinds = ("file_contents", "file_owners")
    return [(one.what, one.name) for name in kinds for one in checks("files")[name].differences(found)]


class Local_:  # noqa: N801 # all that `look` asks of a Restic
    where = Local()


def test_a_log_that_grows_is_proven_as_far_as_it_was_read(made: Rig, folder: Path) -> None:
    with growing(folder / "ledger/log.jsonl"):
        taken = files.take(made_restic(made), Asked("o.s", str(folder), "Asia/Jakarta"))
    assert taken.unstable == ()
    assert taken.content["ledger/log.jsonl"]["grows"] is True
    assert "grows" not in taken.content["keys"]
    back = made.folder / "back"
    back.mkdir()
    made_restic(made).restore(taken.saved.snapshot, str(folder), str(back))
    assert (back / "ledger/log.jsonl").stat().st_size > taken.content["ledger/log.jsonl"]["size"]
    assert differences(dict(taken.content), back) == []


def made_restic(made: Rig) -> Any:
    restic = made.restic()
    restic.ensure()
    return restic


def shorter(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def older(path: Path) -> None:
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**9))


def other_start(path: Path) -> None:
    stamp = path.stat().st_mtime_ns
    with path.open("r+b") as there:
        there.write(b"THE")
    os.utime(path, ns=(stamp, stamp))


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "shorter": shorter,
    "older": older,
    "another beginning": other_start,
    "gone": Path.unlink,
    "other mode": lambda path: path.chmod(0o606),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_such_a_log_is_still_named(folder: Path, damage: str) -> None:
    log = folder / "ledger/log.jsonl"
    wanted = tree.manifest(str(folder))
    wanted["ledger/log.jsonl"]["grows"] = True
    (folder / "ledger").touch()
    os.utime(folder / "ledger", ns=(wanted["ledger"]["mtime_ns"],) * 2)
    assert differences(wanted, folder) == []
    DAMAGES[damage](log)
    os.utime(folder / "ledger", ns=(wanted["ledger"]["mtime_ns"],) * 2)
    assert {name for _, name in differences(wanted, folder)} == {"ledger/log.jsonl"}


def rewritten(path: Path) -> None:
    path.write_text("THE first line\n" * 1001)


def cut(path: Path) -> None:
    path.write_text("the first line\n")


@pytest.mark.parametrize("change", [rewritten, cut, Path.unlink])
def test_what_changed_in_any_other_way_is_unstable(
    folder: Path, change: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = folder / "ledger/log.jsonl"

    def restic(**_call: Any) -> dict[str, Any]:
        """In its place somebody changes the log."""
        change(log)
        return {"code": 0}

    monkeypatch.setattr(restic_call, "restic", restic)
    taken = set_files.take(root=str(folder), key="o.s", remembered="", call={"words": []})
    assert "ledger/log.jsonl" in taken["unstable"]
    assert "grows" not in taken["content"]["ledger/log.jsonl"]
