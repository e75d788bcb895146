"""What a backup tells beside the data: canaries, how much changed, and the lists that others verify it with."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from backup_rig import Rig, item, rig

from backup import manifest, take
from backup.hostside import canaries, memory, restic_call, set_files, tree
from backup.take import BackupResult
from backup.verify import wanted

KEY = "dinkes.contoh"
FILES = 40


@dataclass
class Office:
    """A folder of documents, backed up with memory."""

    rig: Rig
    folder: Path

    @property
    def spots(self) -> Any:
        return dataclasses.replace(self.rig.places, memory=str(self.rig.folder / "memory"))

    def back_up(self) -> BackupResult:
        return take.take(self.spots, item("files", str(self.folder)))

    def manifest(self) -> manifest.Manifest:
        """Of the newest backup, as the repository holds it."""
        line = [line for line in self.spots.ledger.read() if line["event"] == "backup"][-1]
        text = self.rig.restic(line.get("key", "")).dump(line["manifest_snapshot"], manifest.FILE)
        made, signed = manifest.opened(text, self.spots.signer.public_pem())
        assert signed
        return made


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with rig() as made:
        folder = made.folder / "srv"
        folder.mkdir()
        for number in range(FILES):
            (folder / f"surat {number:02}.txt").write_text(f"Surat nomor {number}\n" * 40)
        (folder / "garis\nbaru\\.txt").write_text("nama aneh")
        yield Office(made, folder)


def test_figures_canaries_and_lists(office: Office) -> None:
    """One story, as each backup costs some seconds of restic."""
    first = office.back_up()
    assert first.figures == {"canaries_changed": 0}, "the first run has nothing to be compared with"
    assert {path.name for path in office.folder.iterdir()} >= set(canaries.NAMES)
    made = office.manifest()
    assert dict(made.canaries) == canaries.expected(KEY)

    listed = wanted.manifest(manifest.expected(made).encode("utf-8", "surrogateescape"), "M", "/")
    assert set(listed) == {path.name for path in office.folder.iterdir()}
    for name, entry in listed.items():
        path = office.folder / name
        assert entry.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (entry.size, entry.mode) == (path.stat().st_size, path.stat().st_mode & 0o7777)
    told = wanted.canaries(manifest.canary_list(made).encode(), "C", "/")
    assert told == canaries.expected(KEY)

    for number in range(FILES // 2):
        path = office.folder / f"surat {number:02}.txt"
        path.write_bytes(os.urandom(4096))
        path.rename(f"{path}.locked")
    (office.folder / canaries.NAMES[0]).write_bytes(os.urandom(4096))
    second = office.back_up()
    there = FILES + 1 + len(canaries.NAMES)
    assert second.figures == {
        "canaries_changed": 1,
        "changed_ratio": pytest.approx(21 / there, abs=1e-4),
        "encrypted_ratio": pytest.approx(21 / there, abs=1e-4),
    }
    line = office.spots.ledger.read()[-1]
    assert line["figures"] == second.figures
    assert dict(office.manifest().canaries) == canaries.expected(KEY), "what should be there, not what lies there"

    (office.folder / canaries.NAMES[0]).unlink()
    third = office.back_up()
    assert third.figures["canaries_changed"] == 1, "one that was taken away is not planted again"
    assert not (office.folder / canaries.NAMES[0]).exists()


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """restic is not asked: here it is about reading."""
    monkeypatch.setattr(restic_call, "restic", lambda **_call: {"code": 0})


def run(folder: Path, remembered: Path) -> dict[str, Any]:
    return set_files.take(root=str(folder), key=KEY, remembered=str(remembered), call={"words": []})


def test_unchanged_files_are_read_once_and_changed_ones_again(
    tmp_path: Path, answered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, remembered = tmp_path / "srv", tmp_path / "memory/last.json"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}").write_text(str(number))
    monkeypatch.setattr(memory, "SETTLED_NS", -(10**12))  # as if all had lain there for a while
    first = run(folder, remembered)
    read: list[str] = []
    usual = tree._sha256

    def counted(path: str, most: int) -> str:
        read.append(Path(path).name)
        return usual(path, most)

    monkeypatch.setattr(tree, "_sha256", counted)
    before = (folder / "7").stat()
    (folder / "7").write_text("X")
    os.utime(folder / "7", ns=(before.st_atime_ns, before.st_mtime_ns))
    second = run(folder, remembered)
    assert read == ["7"], "same size and time: the inode's own time tells"
    assert second["content"]["7"]["sha256"] == hashlib.sha256(b"X").hexdigest()
    assert {**second["content"], "7": 0} == {**first["content"], "7": 0}
    assert second["figures"]["changed_ratio"] == pytest.approx(1 / 32, abs=1e-4)


def test_what_changed_just_before_it_was_read_is_read_again(tmp_path: Path, answered: None) -> None:
    folder, remembered = tmp_path / "srv", tmp_path / "last.json"
    folder.mkdir()
    (folder / "a").write_text("a")
    run(folder, remembered)
    assert memory.load(str(remembered))["entries"]["a"][memory.STAMP] is None


def test_an_empty_folder_gets_no_canary_and_a_failed_backup_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, remembered = tmp_path / "srv", tmp_path / "last.json"
    folder.mkdir()
    assert run(folder, remembered) == {"content": {}}
    assert list(folder.iterdir()) == []
    (folder / "a").write_text("a")
    monkeypatch.setattr(restic_call, "restic", lambda **_call: {"code": 1})
    run(folder, remembered)
    assert not remembered.exists()


def test_packed_files_do_not_look_encrypted_and_masses_need_a_mass(tmp_path: Path) -> None:
    (tmp_path / "foto.jpg").write_bytes(b"\xff\xd8\xff" + os.urandom(20_000))
    (tmp_path / "x.locked").write_bytes(os.urandom(20_000))
    (tmp_path / "surat.txt").write_text("Dengan hormat, " * 2000)
    looks = {path.name: set_files.looks_encrypted(str(path)) for path in tmp_path.iterdir()}
    assert looks == {"foto.jpg": False, "x.locked": True, "surat.txt": False}
    few = {str(number): [None, "a", False] for number in range(memory.FEWEST - 1)}
    assert memory.figures(few, {}) == {}
    many = {str(number): [None, "a", False] for number in range(memory.FEWEST)}
    assert memory.figures(many, many) == {"changed_ratio": 0, "encrypted_ratio": 0}
    assert memory.figures(many, {}) == {"changed_ratio": 1, "encrypted_ratio": 0}


def test_rows_that_went() -> None:
    assert memory.rows_lost({"a": 80, "b": 20}, {"a": 100}) == {"changed_ratio": 0.2}
    assert memory.rows_lost({}, {"a": 1}) == {}
