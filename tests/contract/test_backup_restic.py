"""The real restic, in good and in broken states: every one ends in the right verdict, within its time."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from backup_rig import CANARY, CLIENT, Rig, remote, rest_server, rig

from backup.restic import Restic, Saved
from backup.trouble import ResticError, Trouble
from ops.system.process import Ask, run

WORDS = ["--stdin", "--stdin-filename", "/x.json"]


@dataclass(frozen=True)
class Base:
    """A good repository, made once and copied by every test that breaks one."""

    repository: Path
    tree: Path
    saved: Saved
    key: str


@pytest.fixture(scope="module")
def base() -> Iterator[Base]:
    with rig() as made:
        tree = made.folder / "source"
        for number in range(30):
            path = tree / f"map {number % 5}" / f"berkas {number} ü.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(20_000))
        key = made.restic().ensure()
        yield Base(made.repository, tree, saved(made.restic(), tree), key)


@pytest.fixture
def there() -> Iterator[Rig]:
    with rig() as made:
        yield made


@pytest.fixture
def copy(there: Rig, base: Base) -> Rig:
    shutil.copytree(base.repository, there.repository)
    return there


def saved(restic: Restic, source: Path) -> Saved:
    return restic.backup([*restic.backup_words("h", ["t"]), str(source)])


def trouble(action: object) -> Trouble:
    with pytest.raises(ResticError) as caught:
        action()  # type: ignore[operator]
    assert CANARY not in str(caught.value)
    return caught.value.trouble


def packs(there: Rig) -> list[Path]:
    return sorted(
        (path for path in (there.repository / "data").rglob("*") if path.is_file()), key=lambda p: p.stat().st_size
    )


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(path.stat().st_mode | stat.S_IWUSR)
    path.write_bytes(content)


def flipped(path: Path, at: int) -> bytes:
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    return bytes(content)


def test_backup_list_dump_restore(copy: Rig, base: Base) -> None:
    restic = copy.restic()
    assert (base.saved.files, base.saved.bytes, base.saved.complete) == (30, 600_000, True)
    noted = restic.backup([*restic.backup_words("h", ["t", "manifest"]), *WORDS], "ü\n")
    assert restic.dump(noted.snapshot, "/x.json") == "ü\n"
    assert {one.id for one in restic.snapshots("h", "t")} == {base.saved.snapshot, noted.snapshot}
    assert restic.snapshots("other", "t") == []
    restic.restore(base.saved.snapshot, str(base.tree), str(copy.folder / "out"))
    for path in base.tree.rglob("*.bin"):
        assert (copy.folder / "out" / path.relative_to(base.tree)).read_bytes() == path.read_bytes()


def test_wrong_password_and_missing_repository(there: Rig, base: Base) -> None:
    assert trouble(lambda: there.restic().snapshots("h", "t")) is Trouble.NO_REPOSITORY
    wrong = Rig(there.folder, base.repository).restic(password="wrong")
    assert trouble(lambda: wrong.snapshots("h", "t")) is Trouble.WRONG_KEY


@pytest.mark.parametrize("damage", ["flip", "truncate", "missing", "zeros"])
def test_damaged_packs_fail_the_restore(copy: Rig, base: Base, damage: str) -> None:
    pack = packs(copy)[-1]
    if damage == "missing":
        pack.unlink()
    else:
        whole = pack.read_bytes()
        overwrite(pack, {"flip": flipped(pack, 5000), "truncate": whole[:5000], "zeros": bytes(len(whole))}[damage])
    out = str(copy.folder / "out")
    assert trouble(lambda: copy.restic().restore(base.saved.snapshot, str(base.tree), out)) is Trouble.DAMAGED


def test_an_unreadable_snapshot_is_not_taken_for_none(copy: Rig) -> None:
    (path,) = (copy.repository / "snapshots").iterdir()
    overwrite(path, flipped(path, 40))
    assert trouble(lambda: copy.restic().snapshots("h", "t")) is Trouble.DAMAGED


def test_junk_keys_do_not_matter_with_the_registered_key_and_junk_snapshots_are_seen(copy: Rig, base: Base) -> None:
    for number in range(12):
        (copy.repository / "keys" / f"{number:064x}").write_text("junk")
    assert len(copy.restic(base.key).snapshots("h", "t")) == 1
    (copy.repository / "snapshots" / f"{7:064x}").write_text("junk")
    seen = trouble(lambda: copy.restic(base.key).snapshots("h", "t"))
    assert seen in {Trouble.PANIC, Trouble.DAMAGED, Trouble.JUNK}


def test_a_dump_that_fails_or_is_empty_is_no_backup(copy: Rig) -> None:
    restic = copy.restic()
    words = [*restic.backup_words("h", ["dump"]), "--stdin-filename", "/x.dump", "--stdin-from-command", "--"]
    assert trouble(lambda: restic.backup([*words, "sh", "-c", "echo half; exit 3"])) is Trouble.COMMAND_FAILED
    assert restic.snapshots("h", "dump") == []
    empty = restic.backup([*words, "true"])
    assert (empty.complete, empty.bytes) == (False, 0)


@pytest.mark.parametrize("silent", [False, True])
def test_a_dead_vault_is_told_within_seconds(silent: bool) -> None:
    """restic itself would wait a quarter of an hour for either."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        if silent:
            door.listen(1)
        url = f"rest:http://127.0.0.1:{door.getsockname()[1]}"
        begun = time.monotonic()
        assert trouble(lambda: remote(url).snapshots("h", "t")) is Trouble.UNREACHABLE
        assert time.monotonic() - begun < 15


def test_vault_refuses_strangers_other_folders_and_deletion(there: Rig, base: Base) -> None:
    with rest_server(there.folder, "--append-only", "--private-repos") as url:
        mine = remote(url)
        mine.ensure()
        taken = saved(mine, base.tree)
        assert trouble(lambda: remote(url, user_password="wrong").snapshots("h", "t")) is Trouble.REFUSED
        assert trouble(lambda: remote(url, path="other/contoh").snapshots("h", "t")) is Trouble.REFUSED
        with contextlib.suppress(ResticError):  # 0.18 says 0, 0.19 says 3
            mine.must(["forget", taken.snapshot], 60)
        assert [one.id for one in mine.snapshots("h", "t")] == [taken.snapshot]


def test_reading_writes_nothing(there: Rig, base: Base) -> None:
    repository = there.folder / "store" / CLIENT / "contoh"
    shutil.copytree(base.repository, repository)
    before = sorted(repository.rglob("*"))
    with rest_server(there.folder, "--append-only") as url:
        restic = remote(url)
        assert len(restic.key_list()) == len(restic.snapshots("h", "t")) == 1
        restic.restore(base.saved.snapshot, str(base.tree), str(there.folder / "out"))
    assert sorted(repository.rglob("*")) == before


def test_passwords_are_seen_nowhere(there: Rig) -> None:
    """While restic runs for some seconds every process's words and environment are looked at."""
    seen: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for entry in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        text = (entry / name).read_bytes()
                    except OSError:
                        continue
                    if b"restic" in text and CANARY.encode() in text:
                        seen.add(f"{name}: {text[:200]!r}")
            time.sleep(0.02)

    with rest_server(there.folder, "--append-only", "--private-repos") as url:
        restic = remote(url)
        watcher = threading.Thread(target=watch)
        watcher.start()
        restic.ensure()
        words = [*restic.backup_words("h", ["t"]), "--stdin-filename", "/x", "--stdin-from-command", "--"]
        look = "ps axeww -o args; ls -l /proc/self/fd; for n in /proc/$$/fd/[3-9]*; do cat $n; done 2>&1; sleep 2"
        answer = restic.must([*words, "sh", "-c", look], 60)
        stop.set()
        watcher.join()
        (snapshot,) = restic.snapshots("h", "t")
        dumped = restic.dump(snapshot.id, "/x")
    assert seen == set()
    assert "restic" in dumped
    assert CANARY not in dumped
    assert CANARY not in repr((answer, restic.repository))


def test_local_restic_is_new_enough(there: Rig) -> None:
    assert there.restic().version() >= (0, 18)
    old = there.folder / "restic"
    old.write_text("#!/bin/sh\necho restic 0.14.0 compiled with go\n")
    old.chmod(0o755)
    assert run([str(old), "version"], Ask()).ok
    assert trouble(Restic(there.restic().where, there.restic().repository, str(old)).version) is Trouble.TOO_OLD
