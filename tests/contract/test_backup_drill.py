"""Backup → drill → evidence with the real tools: proven when good, red and by name for every damage that is planted."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import pytest
from backup_rig import CANARY, Rig, cluster, item, rig, sql

from backup import drill, evidence, places, take
from backup.checks.contract import Found, checks
from backup.drill import Drill
from backup.hostside import seed, tree
from backup.layout import Item
from backup.places import Places
from backup.restic import LONG, Restic, Saved
from backup.sources import contract, postgresql
from backup.trouble import ResticError, Trouble
from backup.verify import of_drill
from ops.errors import HostFailedError, OpsError
from ops.inventory.model import BackupSet
from ops.jobs import drill as jobs
from ops.progress import Event, State, silent
from ops.system.process import Local
from ops.world import World

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root (owners of restored files)")
pytestmark = needs_root


@dataclasses.dataclass
class Stage:
    """One set that was backed up once, good."""

    rig: Rig
    item: Item
    words: tuple[str, ...] = ()

    @property
    def places(self) -> Places:
        return self.rig.places

    def drill(self, damage: Callable[[Path], object] | None = None, **changes: float) -> Drill:
        """Drill it; `damage` is done to what restic restored, before anybody looks."""
        spots = self.places
        if damage:
            spots = dataclasses.replace(spots, view=lambda _item, key: damaging(self.rig.restic(key), damage))
        wanted = dataclasses.replace(self.item, set=self.item.set.model_copy(update=changes))
        return drill.run(spots, wanted, silent)

    def differences(self, seen: Drill) -> set[tuple[str, str]]:
        return {(name, one.what) for name, found in seen.checked.items() for one in found}


ACCESS_LIST = struct.pack(
    "<I" + "HHI" * 5, 2, 1, 6, 2**32 - 1, 2, 4, 33, 4, 4, 2**32 - 1, 16, 4, 2**32 - 1, 32, 0, 2**32 - 1
)


def special(folder: Path) -> None:
    """What else a file server holds: a pipe, two names of one file, an access list, an attribute, an odd last name."""
    os.mkfifo(folder / "pipa")
    (folder / "satu").write_text("isi")
    (folder / "dua nama").hardlink_to(folder / "satu")
    (folder / b"\xff\n-".decode(errors="surrogateescape")).write_text("x")
    os.setxattr(folder / "satu", "user.asal", b"kantor\0")
    os.setxattr(folder / "satu", "system.posix_acl_access", ACCESS_LIST)


def damaging(restic: Restic, damage: Callable[[Path], object]) -> Restic:
    class Damaging(Restic):
        def restore(self, snapshot: str, path: str, target: str, limit: float = LONG) -> dict[str, object]:
            done = super().restore(snapshot, path, target, limit)
            damage(Path(target))
            return done

    return Damaging(restic.where, restic.repository, restic.program)


@pytest.fixture(scope="module")
def files() -> Iterator[Stage]:
    with rig() as made:
        source = made.folder / "srv/opd dinas"
        seed.files(root=str(source), count=60)
        special(source)
        stage = Stage(made, item("files", str(source)))
        assert take.take(stage.places, stage.item).counts["files"] == 63
        yield stage


@pytest.fixture(scope="module")
def database() -> Iterator[Stage]:
    with rig() as made, cluster(made.folder) as words:
        sql(words, "postgres", 'CREATE ROLE "simpus" LOGIN', "CREATE DATABASE simpus OWNER simpus")
        seed.database(name="simpus", owner="simpus", run_as="postgres", where=list(words))
        usual, postgresql.WHERE = postgresql.WHERE, words
        try:
            stage = Stage(made, item("postgresql", "simpus"), words)
            counts = take.take(stage.places, stage.item).counts
            assert counts["rows"] == seed.PEOPLE + seed.REQUESTS + 15
            yield stage
        finally:
            postgresql.WHERE = usual


def test_every_kind_that_can_be_declared_has_a_source() -> None:
    kinds = set(get_args(BackupSet.model_fields["kind"].annotation))
    assert kinds == set(contract.kinds())


def test_files_are_proven(files: Stage, seen: Drill) -> None:
    assert (seen.failure, files.differences(seen), seen.proven) == ("", set(), True)
    assert of_drill.judge(seen).fault == "none"
    assert set(seen.checked) == set(checks("files"))
    assert seen.restored
    assert seen.restored.content == tree.manifest(files.item.set.source), "the second reader sees what the first saw"
    assert list((files.rig.folder / "d").iterdir()) == []


def append(path: Path) -> None:
    before = path.stat()
    with path.open("ab") as out:
        out.write(b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def silently(path: Path) -> None:
    """Same size, same time, other bytes: what restic's own --verify of a skipped file does not see."""
    before = path.stat()
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def parted(path: Path) -> None:
    """A copy in the place of one of a file's two names."""
    subprocess.run(["cp", "-a", str(path), str(path.with_name("x"))], check=True)
    stamp = path.parent.stat()
    path.with_name("x").replace(path)
    os.utime(path.parent, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def one(folder: Path) -> Path:
    return next(path for path in sorted(folder.rglob("*contoh.docx")) if path.is_file())


FILE_DAMAGES = {
    "silent change": (lambda d: silently(one(d)), {("file_contents", "differs")}),
    "longer": (lambda d: append(one(d)), {("file_contents", "differs")}),
    "missing": (lambda d: one(d).unlink(), {("file_contents", "missing"), ("file_owners", "differs")}),
    "extra": (lambda d: (d / "READ_ME.txt").write_text("x"), {("file_contents", "extra")}),
    "mode": (lambda d: one(d).chmod(0o666), {("file_owners", "differs")}),
    "access list": (
        lambda d: os.removexattr(d / "satu", "system.posix_acl_access"),
        {("file_owners", "differs")},
    ),
    "a name of its own": (lambda d: parted(d / "satu"), {("file_owners", "differs")}),
    "owner": (lambda d: shutil.chown(one(d), 33, 33), {("file_owners", "differs")}),
}


@pytest.fixture(scope="module")
def seen(files: Stage) -> Drill:
    return files.drill()


@pytest.fixture(scope="module")
def good(seen: Drill) -> Found:
    assert seen.found
    return seen.found


@pytest.mark.parametrize("damage", FILE_DAMAGES)
def test_planted_damage_to_files_is_seen(files: Stage, good: Found, damage: str, tmp_path: Path) -> None:
    action, wanted = FILE_DAMAGES[damage]
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", files.item.set.source, str(copy)], check=True)
    action(copy)
    place = contract.Place(str(tmp_path), str(copy), "Asia/Jakarta")
    seen = contract.source("files").look(files.rig.restic(), place, good.manifest.content)
    after = dataclasses.replace(good, restored=seen.content)
    named = {(name, one.what) for name, check in checks("files").items() for one in check.differences(after)}
    assert named == wanted


def test_a_drill_of_damaged_files_is_not_proven(files: Stage) -> None:
    seen = files.drill(lambda folder: silently(one(folder)))
    assert files.differences(seen) == {("file_contents", "differs")}
    assert (seen.proven, seen.cleaned) == (False, True)


def test_database_is_proven(database: Stage) -> None:
    seen = database.drill()
    assert (seen.failure, database.differences(seen), seen.proven) == ("", set(), True)
    assert seen.found
    assert seen.found.point.basis == "newest row: public.layanan.waktu"
    assert set(seen.checked) == set(checks("postgresql"))
    assert list((database.rig.folder / "d").iterdir()) == []


def redump(database: Stage, *statements: str) -> Callable[[Path], None]:
    """Replace the restored dump by one of a copy of the database in which `statements` were done."""

    def damage(folder: Path) -> None:
        words = database.words
        sql(words, "postgres", "DROP DATABASE IF EXISTS other", "CREATE DATABASE other TEMPLATE simpus")
        sql(words, "other", *statements)
        subprocess.run(["pg_dump", *words, "-Fc", "-Z0", "-f", str(folder / "simpus.dump"), "other"], check=True)

    return damage


def test_planted_damage_to_rows_and_objects_is_seen(database: Stage) -> None:
    statements = (
        "UPDATE layanan SET biaya = biaya + 0.25 WHERE id = 17",
        "ALTER TABLE layanan DROP CONSTRAINT layanan_warga_fkey",
        "DELETE FROM warga WHERE id = 17",
        "DROP INDEX layanan_waktu",
        "CREATE OR REPLACE FUNCTION layanan_sejak(sejak timestamptz) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
        "CREATE TABLE tebusan ()",
    )
    seen = database.drill(redump(database, *statements))
    named = {(one.what, one.name) for found in seen.checked.values() for one in found}
    assert {
        ("differs", "public.layanan"),
        ("differs", "public.warga"),
        ("missing", "constraint public.layanan layanan_warga_fkey"),
        ("missing", "index public.layanan_waktu"),
        ("differs", "function public.layanan_sejak(timestamp with time zone)"),
        ("extra", "public.tebusan"),
    } <= named
    assert not seen.proven


@pytest.mark.parametrize("keep", [0, 0.5], ids=["empty", "half"])
def test_a_truncated_dump_fails_the_load(database: Stage, keep: float) -> None:
    def truncate(folder: Path) -> None:
        path = folder / "simpus.dump"
        os.truncate(path, int(keep * path.stat().st_size))

    seen = database.drill(truncate)
    assert "pg_restore" in seen.failure
    assert not seen.proven
    assert seen.cleaned


def test_a_stale_backup_misses_its_rpo_and_a_slow_one_its_rto(files: Stage) -> None:
    late = files.drill(rpo=0.001)
    assert files.differences(late) == {("rpo", "late")}
    slow = files.drill(rto=0.001)
    assert files.differences(slow) == {("rto", "late")}


@pytest.fixture
def own(files: Stage) -> Iterator[Stage]:
    """A copy that may be broken for good."""
    with rig() as made:
        shutil.copytree(files.rig.repository, made.repository)
        shutil.copytree(files.rig.folder / "state", made.folder / "state")
        yield Stage(made, files.item)


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


def test_a_flood_of_newer_snapshots_changes_nothing_but_is_named(own: Stage) -> None:
    restic = own.rig.restic()
    words = restic.backup_words("localhost", [own.item.key])
    restic.backup([*words, "--time", "2099-01-01 00:00:00", "--stdin", "--stdin-filename", "/x"], "junk")
    seen = own.drill()
    assert own.differences(seen) == {("snapshots", "foreign")}
    assert of_drill.judge(seen).told()["class"] == "tamper"
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
    assert own.differences(own.drill()) == {("snapshots", "foreign")}


def test_a_vanished_snapshot_and_a_vanished_repository_are_told(own: Stage) -> None:
    newest = places_entry(own)["snapshot"]
    (own.rig.repository / "snapshots" / newest).unlink()
    seen = own.drill()
    assert not seen.proven
    assert "the newest in the ledger, is not in the repository" in seen.failure
    shutil.rmtree(own.rig.repository)
    assert of_drill.judge(seen).fault == "tamper"
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


def places_entry(stage: Stage) -> dict[str, str]:
    return [line for line in stage.places.ledger.read() if line["event"] == "backup"][-1]


def test_an_empty_folder_and_an_unknown_database_are_no_backup(own: Stage, database: Stage) -> None:
    empty = own.rig.folder / "empty"
    empty.mkdir()
    with pytest.raises(OpsError, match="is empty"):
        take.take(own.places, item("files", str(empty)))
    with pytest.raises(OpsError, match="no such folder"):
        take.take(own.places, item("files", str(own.rig.folder / "unmounted")))
    before = places_entry(database)
    with pytest.raises(OpsError, match="does not exist"):
        take.take(database.places, item("postgresql", "no-such"))
    assert places_entry(database) == before


def test_a_killed_drill_leaves_no_process_and_the_next_one_cleans_up(database: Stage) -> None:
    """kill -9 of the station while the throw-away database runs."""
    here = Path(__file__).parents[1]
    code = (
        f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parent)!r}]\n"
        "from pathlib import Path\nfrom backup_rig import Rig, item\nfrom backup import drill\n"
        f"rig = Rig(Path({str(database.rig.folder)!r}), Path({str(database.rig.repository)!r}))\n"
        "drill.run(rig.places, item('postgresql', 'simpus'), lambda event: None)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ))
    room = database.rig.folder / "d"
    wait(lambda: any(room.glob("*/s/.s.PGSQL.5432")), 60)
    (folder,) = room.iterdir()
    assert processes(str(folder)) != []
    child.send_signal(signal.SIGKILL)
    child.wait()
    wait(lambda: processes(str(folder)) == [], 15)
    assert folder.is_dir()
    assert drill.clean_abandoned(database.places, lambda _name: Local(), silent) == 1
    assert list(room.iterdir()) == []
    assert drill.clean_abandoned(database.places, lambda _name: Local(), silent) == 0


def test_a_drill_server_that_is_gone_stops_no_drill(own: Stage) -> None:
    left = own.places.journals / "left.jsonl"
    left.parent.mkdir(exist_ok=True)
    left.write_text('{"drill": "left", "server": "gone", "folder": "/nowhere/x"}\n')
    told: list[Event] = []

    def gone(name: str) -> Local:
        raise HostFailedError(name, "no such host in hosts.yml")

    assert drill.clean_abandoned(own.places, gone, told.append) == 0
    assert [(event.on, event.state) for event in told] == [("left", State.FAILED)]
    assert drill.clean_abandoned(own.places, lambda _name: Local(), silent) == 1, "it is tried again"


def processes(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in words:
            found.append(words)
    return found


def wait(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


class Loads(html.parser.HTMLParser):
    """Everything that a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}={value}" for name, value in attrs if name in {"src", "href", "data", "action"}]
        assert tag != "script"


def test_evidence_verifies_with_openssl_and_sha256sum_alone(own: Stage, seen: Drill) -> None:
    proven = evidence.write(own.places, seen)
    failed = evidence.write(own.places, own.drill(lambda folder: one(folder).unlink()))
    folder = proven.record.parent
    for made, verdict in ((proven, "proven"), (failed, "not proven")):
        record = json.loads(made.record.read_text())
        assert record["verdict"] == verdict
        page = made.page.read_text()
        loads = Loads()
        loads.feed(page)
        assert loads.found == []
        assert "url(" not in page
        assert made.sha256 in page
        commands = [line for line in page.splitlines() if "sha256sum -c" in line or "openssl pkeyutl" in line]
        assert len(commands) == 2
        for command in commands:  # exactly what the page tells a person to type
            words = command.replace("<pre>", "").replace("</pre>", "").split()
            assert subprocess.run(words, cwd=folder, check=False, capture_output=True).returncode == 0, command
    first, second = json.loads(proven.record.read_text()), json.loads(failed.record.read_text())
    assert second["previous"] == proven.sha256
    assert first["objectives"]["rpo"]["target"] == 86400
    assert [one["what"] for one in second["differences"]] == [
        "missing",
        *["differs"] * (second["differences_total"] - 1),
    ]
    assert evidence.problems(failed.record) == []


def test_evidence_claims_only_what_was_shown(own: Stage, seen: Drill) -> None:
    made = seen.manifest
    assert made
    shaky = dataclasses.replace(seen, id="shaky", manifest=dataclasses.replace(made, unstable=("a", "b")))
    failed = dataclasses.replace(seen, id="failed", failure="clean up: x")
    here = dataclasses.replace(own.places, root="/one/machine")
    pages = {name: evidence.write(own.places, one) for name, one in (("a", seen), ("b", shaky), ("c", failed))}
    pages["d"] = evidence.write(here, dataclasses.replace(seen, id="loopback"))
    kept = {name: json.loads(one.record.read_text()) for name, one in pages.items()}
    assert [len(kept[name]["standards"]) for name in "abcd"] == [3, 3, 0, 2]
    assert "all compared<" in pages["a"].page.read_text()
    assert "all compared but 2 that changed while they were read" in pages["b"].page.read_text()
    assert "Kesesuaian standar" not in pages["c"].page.read_text()


def test_an_odd_name_that_is_missing_can_be_shown_anywhere(own: Stage) -> None:
    odd = b"\xff\n-".decode(errors="surrogateescape")
    usual = own.places
    spots = dataclasses.replace(
        usual, view=lambda _item, key: damaging(own.rig.restic(key), lambda folder: (folder / odd).unlink())
    )
    world = World("t", Path("/nowhere"), own.rig.folder / "w", own.rig.folder / "k", own.rig.folder / "h")
    found = jobs.one(spots, own.item, world, silent)
    assert found.why == r"file_contents: missing \udcff\n-"
    assert found.why.encode()
    record = json.loads(found.record.read_text())
    assert record["differences"][0]["name"] == "\\udcff\n-"


def test_two_writers_of_evidence_keep_one_chain(own: Stage, seen: Drill) -> None:
    def write(number: int) -> Path:
        return evidence.write(own.places, dataclasses.replace(seen, id=f"n{number}")).record

    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(write, range(24)))
    assert evidence.problems(records[0]) == []


@pytest.mark.parametrize("damage", ["record", "signature of another", "gone"])
def test_tampered_evidence_is_named(own: Stage, seen: Drill, damage: str) -> None:
    first, second = (evidence.write(own.places, dataclasses.replace(seen, id=name)) for name in ("a", "b"))
    if damage == "record":
        first.record.write_text(first.record.read_text().replace("Contoh", "Palsu"))
    elif damage == "gone":
        first.record.unlink()
    trusted = evidence.Signer(own.rig.folder / "other").public_pem() if damage == "signature of another" else ""
    (problem, *_) = evidence.problems(second.record, trusted)
    assert first.record.name in problem
    done = subprocess.run(
        ["sha256sum", "-c", first.record.with_suffix(".sha256").name], cwd=first.record.parent, check=False
    )
    assert (done.returncode == 0) == (damage == "signature of another")


def test_no_password_is_in_anything_that_stays(own: Stage) -> None:
    seen = own.drill()
    evidence.write(own.places, seen)
    kept = [path for path in (own.rig.folder / "state").rglob("*") if path.is_file()]
    assert {path.parent.name for path in kept} >= {"ledger", "drills", "evidence", "keys"}
    assert [path for path in kept if CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in repr(seen)


def test_the_ledger_knows_the_key(files: Stage) -> None:
    (current,) = (key["id"] for key in files.rig.restic().key_list())
    assert places.key_of(files.places, files.item) == current


def test_a_page_never_shows_what_was_not_restored(own: Stage) -> None:
    (own.rig.repository / "snapshots" / places_entry(own)["snapshot"]).unlink()
    page = evidence.write(own.places, own.drill()).page.read_text()
    figure = page.split("Dipulihkan <i>/ restored</i><b>")[1].split("</b>")[0]
    assert figure == "–"
    assert "TIDAK TERBUKTI" in page
